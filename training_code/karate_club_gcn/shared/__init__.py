"""What training and serving both do with a graph: read it, and compute what a convolution mixes."""
