"""What `make doctor` looks at, one idea a module."""
