"""Optimizers, learning rate schedules, and wrappers that turn one optimizer into another."""

from funnet.optimizers.adaptive import (
    adagrad as adagrad,
    adam as adam,
    adamw as adamw,
    rmsprop as rmsprop,
)
from funnet.optimizers.descent import (
    momentum as momentum,
    nesterov as nesterov,
    sgd as sgd,
    sgd_update as sgd_update,
)
from funnet.optimizers.optimizer import (
    Optimizer as Optimizer,
    OptimizerState as OptimizerState,
)
from funnet.optimizers.rules import elementwise as elementwise
from funnet.optimizers.wrappers import (
    clip_by_global_norm as clip_by_global_norm,
    freeze as freeze,
    weight_decay as weight_decay,
)
