enum PlaceholderRegistryLayout {}
