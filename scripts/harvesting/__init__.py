"""From what workers kept to a folder that a person labels and `make train` takes."""
