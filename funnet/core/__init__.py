"""What every other room of funnet builds on: arrays, errors, trees, and what a layer is."""
