"""A rendered pod of the archives that are here, its callers, and a store of archives."""
