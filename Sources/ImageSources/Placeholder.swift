enum PlaceholderImageSources {}
