"""Settings of the tests, and what several of them need."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from programs import output_of
from small_mnist import CONTENTS, idx

from funnet.data import mnist_files

EXAMPLES = Path(__file__).parent.parent / "examples"

# How long an example takes says nothing about whether it is right, on a busy machine least of all.
settings.register_profile("funnet", deadline=None)
settings.register_profile("brief", deadline=None, max_examples=16)  # for the second run in CI
settings.load_profile("funnet")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs an example in an empty folder and returns what it prints."""

    def run(name: str, *arguments: str) -> str:
        quiet = {"PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
        nowhere = {"FUNNET_DATA_DIR": str(tmp_path)}  # no MNIST, and no download
        example = EXAMPLES / f"{name}.py"
        return output_of("-W", "error", example, *arguments, folder=tmp_path, **quiet, **nowhere)

    return run


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put four small files in the place of the official ones, and no folder in the environment."""
    files = tuple(
        mnist_files.File(stem, array.shape, hashlib.sha256(idx(array)).hexdigest())
        for stem, array in CONTENTS.items()
    )
    monkeypatch.setattr(mnist_files, "FILES", files)
    monkeypatch.setattr(mnist_files, "MIRRORS", ())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("FUNNET_DATA_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def torch() -> Any:
    """Return PyTorch, the oracle of layers and losses."""
    return pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")


@pytest.fixture(params=["npz", "safetensors"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return where a checkpoint may be written, once in each format."""
    if request.param == "safetensors":
        pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    return tmp_path / f"value.{request.param}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a sweep may write its results."""
    return tmp_path / "results.jsonl"
