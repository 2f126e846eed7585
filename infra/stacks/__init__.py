"""Stacks compose units and grant between them."""
