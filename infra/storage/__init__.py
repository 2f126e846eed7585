"""Where data lives: the key, the buckets."""
