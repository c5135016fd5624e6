"""The latent index, its maps and their statistics."""
