"""TorchServe with the handler it comes with, and what that handler needs of a user."""
