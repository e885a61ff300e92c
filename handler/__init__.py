"""What ships inside an archive: request rows in, encoded replies out."""
