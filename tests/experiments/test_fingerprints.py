"""Fingerprints and manifests."""

import json

import numpy as np
import pytest
from sweep_runs import Config

from funnet import compare_manifests, fingerprint, manifest


def test_values_that_differ_have_different_fingerprints() -> None:
    values: list[object] = [
        None, True, 1, 1.0, "1", (), [], {}, (1,), [1], {"a": 1}, {"b": 1},
        np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.zeros((1, 2)),
        np.zeros(4, np.float32),
        np.array([0.0, -0.0]), np.array([0.0, 1.0]), (np.zeros(1), np.zeros(1)), float("nan"),
        Config(0.1), Config(0.1, 17), Config(0.2),
    ]  # fmt: skip
    assert len({fingerprint(value) for value in values}) == len(values)


def test_manifests_are_compared_field_by_field() -> None:
    a = manifest(seed=1, x=np.zeros(3), config=Config(0.1))
    b = manifest(seed=2, x=np.zeros(3), config=Config(0.2))

    assert compare_manifests(a, a) == {}
    assert list(compare_manifests(a, b)) == ["seed", "data.config"]
    assert compare_manifests(a, b)["seed"] == ("1", "2")
    assert compare_manifests({}, {"python": "3"}) == {"python": ("missing", "3")}
    assert json.loads(json.dumps(a)) == a


def test_a_manifest_names_the_openblas_of_numpys_wheels() -> None:
    fields = manifest()
    if "openblas" not in fields["blas"]:
        pytest.skip(f"this NumPy uses {fields['blas']}")

    assert fields["blas.architecture"].isalnum()
    assert int(fields["blas.threads"]) >= 1
