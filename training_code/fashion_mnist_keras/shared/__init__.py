"""What training and serving both know of the data: its files, the pictures' size, the number of classes."""
