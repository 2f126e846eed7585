"""What the benchmarks compare with: small programs, each in the style that its tool's own documentation shows."""
