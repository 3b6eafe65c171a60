"""Save networks and training states to files, and load them."""

from funnet.experiments.checkpoints.storage import (
    CheckpointError as CheckpointError,
    load as load,
    save as save,
)
