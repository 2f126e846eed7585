"""What processing, training and serving do alike: frames out of a video, and the files between the steps."""
