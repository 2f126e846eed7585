"""Who is told when something is wrong, and by what."""
