"""What training and serving both do with rows: read them, and make features of them."""
