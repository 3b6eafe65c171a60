"""Checkpoints, fingerprints, manifests and sweeps."""
