"""From an approved model package to a serving endpoint."""
