"""From prepared data to checkpoints and bundles."""
