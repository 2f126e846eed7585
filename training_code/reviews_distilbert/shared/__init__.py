"""What training and serving both know of the data: its files, and the names of the classes."""
