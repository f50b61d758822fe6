enum PlaceholderRegistryHTTP {}
