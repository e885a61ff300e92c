"""The project beside its peers, in one run: same weights, same images, same client."""
