enum PlaceholderRegistryICR {}
