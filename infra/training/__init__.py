"""From an object that lands to a registered model package."""
