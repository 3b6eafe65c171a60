"""Updates: pure functions from parameters and gradients to new parameters."""

from __future__ import annotations

import math
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from funnet.arrays import Array, Float, check_dtype, seal
from funnet.layer import C, Layer, X, Y
from funnet.tree import tree_map

# Any layer will do: what counts is that the gradients are those that its own pullback returns.
Params = TypeVar("Params", bound=Layer[Any, Any, Any, Any])


def sgd_update(params: Layer[X, Y, C, Params], grads: Params, lr: float) -> Params:
    """Return the parameters after one step of gradient descent: params - lr grads.

    Parameters
    ----------
    params
        A layer or network.
    grads
        Its gradients, as `backward` returns them.
    lr
        The learning rate, a finite number.

    Returns
    -------
    params
        A new network with locked arrays; the given one is unchanged.

    Raises
    ------
    StructureError, ShapeError, DTypeError
        If the gradients are not built like the parameters; the message starts with the first path
        that differs.
    ValueError
        If `lr` is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, sgd_update
    >>> params = Affine(np.array([[1.0]]), np.array([0.0]))
    >>> grads = Affine(np.array([[2.0]]), np.array([4.0]))
    >>> sgd_update(params, grads, lr=0.25).W
    array([[0.5]])
    """
    rate = float(lr)  # a NumPy scalar would turn float32 into its own type
    if not math.isfinite(rate):
        raise ValueError(f"expected lr to be finite, got {lr}")

    def step(param: npt.NDArray[Float], grad: npt.NDArray[Float]) -> Array:
        check_dtype(grad, param.dtype, "the gradient")
        new = grad * rate
        return seal(np.subtract(param, new, new))

    return tree_map(step, cast(Params, params), grads)
