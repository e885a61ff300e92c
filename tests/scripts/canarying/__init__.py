"""A canary, apart from the servers."""
