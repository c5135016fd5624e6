"""Vector quantisers, one paper a file, all with one interface."""
