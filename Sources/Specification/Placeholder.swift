enum PlaceholderSpecification {}
