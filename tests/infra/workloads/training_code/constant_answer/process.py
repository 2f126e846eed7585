"""Processes nothing."""
