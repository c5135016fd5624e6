"""Data sets: what there is, how it is read, how it reaches the network."""
