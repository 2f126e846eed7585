"""The monitoring job (see README.md beside this package)."""
