"""`make report`: what the logs say of versions that share traffic, and whether that is enough to decide."""
