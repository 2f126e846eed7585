"""The HTTP interface people call."""
