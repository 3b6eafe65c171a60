"""Buffers, contexts and statistics: what a layer has besides its parameters.

- A *buffer* is an array field that is not a parameter, such as a running mean or a mask:
  `attrs.field(converter=lock_buffer, metadata=BUFFER)`. It is saved, printed, pickled and converted
  with the network, and is not changed by updates, `tree_map` or numerical gradients.
- A *context* makes a layer behave as in a step of training. `training_mode` fills each field
  `context: Context | None = None`; a network without contexts is at rest. Random numbers come from
  `self.context.generator()`: other ones in each layer and step, the same ones in each call.
- *Statistics* are what a layer reports from a step of training. It puts `Statistics(path, values)`
  into its cache, an attrs value, tuple, list or dict; `update_statistics` passes the values to the
  layer's `with_statistics(values)`.

Examples
--------
A layer that adds noise in training:

>>> import attrs
>>> import numpy as np
>>> from funnet import Context, forward, predict, training_mode
>>> @attrs.frozen(eq=False)
... class Noise:
...     std: float
...     context: Context | None = None
...
...     def forward(self, x):
...         if self.context is None:
...             return x, None
...         noise = self.context.generator().standard_normal(x.shape)
...         return x + self.std * noise.astype(x.dtype), None
...
...     def pullback(self, cache, dout):
...         return self, lambda: dout  # no parameters, so no gradients
>>> net, x = Noise(0.1), np.zeros((1, 2), np.float32)
>>> predict(net, x)
array([[0., 0.]], dtype=float32)
>>> [bool(forward(training_mode(net, seed=7, step=k), x)[0].any()) for k in range(2)]
[True, True]
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import numpy as np

from funnet.core.arrays import Array
from funnet.core.checks import check_count

BUFFER: Mapping[str, bool] = MappingProxyType({"funnet_buffer": True})
"""Metadata of an array field that is not a parameter: `attrs.field(metadata=BUFFER)`."""

WIDE_BUFFER: Mapping[str, bool] = MappingProxyType({**BUFFER, "funnet_wide": True})
"""Metadata of a buffer that is float32 in a float16 network, such as a running variance."""

CONTEXT = "context"
"""The name of the field that `training_mode` fills."""

_TAG = 0x66756E6E  # keeps the streams of layers apart from other uses of the same seed


def _step(step: int) -> int:
    return _in_64_bits(step, "step")


def _shard(shard: int) -> int:
    return _in_64_bits(shard, "shard")


def _in_64_bits(value: int, name: str) -> int:
    number = check_count(value, name, 0)
    if number >= 1 << 64:
        raise ValueError(f"{name} must be < 2**64, got {number}")
    return number


def _seed(seed: int | np.random.SeedSequence) -> int | np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):
        return seed
    return check_count(seed, "seed", 0)


@attrs.frozen
class Context:
    """The address of one layer in one step of training.

    Parameters
    ----------
    seed
        Seed of the training run: an integer >= 0 or a SeedSequence.
    step
        Number of updates made so far, >= 0 and < 2**64.
    path
        Path of the layer in the network, such as "layers.1".
    shard
        Index of the part of the batch, if several parts of it are computed separately, >= 0 and
        < 2**64. Default: 0.
    """

    seed: int | np.random.SeedSequence = attrs.field(converter=_seed)
    step: int = attrs.field(converter=_step)
    path: str = ""
    shard: int = attrs.field(default=0, converter=_shard)

    def generator(self) -> np.random.Generator:
        """Return a Generator whose stream depends only on seed, step, path and shard.

        Examples
        --------
        >>> from funnet import Context
        >>> draws = [Context(7, 3, "layers.1").generator().random() for _ in range(2)]
        >>> draws[0] == draws[1]
        True
        """
        place = self.step.to_bytes(8, "little") + self.shard.to_bytes(8, "little")
        return addressed(self.seed, _TAG, place + sha256_of(self.path))


def addressed(seed: int | np.random.SeedSequence, tag: int, address: bytes) -> np.random.Generator:
    """Return a Generator whose stream depends only on the arguments.

    All addresses of one tag have one length, a multiple of 4: for SeedSequence, a key (2**32,) is
    the same as (0, 1).
    """
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    key = (*root.spawn_key, tag, *np.frombuffer(address, "<u4").tolist())
    return np.random.default_rng(
        np.random.SeedSequence(root.entropy, spawn_key=key, pool_size=root.pool_size)
    )


def sha256_of(text: str) -> bytes:
    """Return the SHA-256 of a text, which has 32 bytes."""
    import hashlib  # noqa: PLC0415  (slow to import)

    return hashlib.sha256(text.encode()).digest()


@attrs.frozen(eq=False)
class Statistics:
    """What a layer reports from one forward pass in training mode.

    `path` is that of the layer's context, and `values` are for its `with_statistics`.
    """

    path: str
    values: tuple[Array, ...]
