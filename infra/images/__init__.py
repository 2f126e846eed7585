"""Container images: AWS's managed ones, and ours, built in the account."""
