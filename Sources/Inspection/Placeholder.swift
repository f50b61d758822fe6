enum PlaceholderInspection {}
