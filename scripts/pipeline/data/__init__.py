"""Where images and their labels come from; every source ends in the same `Sample`."""
