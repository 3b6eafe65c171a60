"""All public names by one import, as in a notebook."""

from __future__ import annotations

from typing import assert_type

from funnet import *  # noqa: F403

net = mlp((64, 20, 10), rng=0)  # noqa: F405
assert_type(parameter_count(net), int)  # noqa: F405
