"""The model card: collected once from the archives' evidence, then written from files that are committed."""
