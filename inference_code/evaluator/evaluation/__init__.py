"""What a model is worth, measured by what its server answers. Imports the standard library only."""
