enum PlaceholderYAMLTree {}
