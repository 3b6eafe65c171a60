"""`load_mnist` with files on disk."""

import gzip
import os
import tracemalloc
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import assert_type

import numpy as np
import pytest
from small_mnist import CONTENTS, IMAGES, LABELS, N_TEST, N_TRAIN, failure, idx, write_files

from funnet.core.arrays import Labels
from funnet.data import load_mnist

pytestmark = pytest.mark.usefixtures("small_mnist")

Flat = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Grid = np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]]


@pytest.mark.parametrize(
    ("normalize", "flatten", "one_hot_label"), list(product([True, False], repeat=3))
)
def test_options_decide_shapes_dtypes_and_values(
    tmp_path: Path, *, normalize: bool, flatten: bool, one_hot_label: bool
) -> None:
    split = load_mnist(
        normalize=normalize,
        flatten=flatten,
        one_hot_label=one_hot_label,
        data_dir=write_files(tmp_path / "data"),
    )

    for (x, t), part in zip(split, ("train", "t10k"), strict=True):
        images, labels = CONTENTS[f"{part}-images"], CONTENTS[f"{part}-labels"]
        n = len(images)
        pixels = images.reshape((n, 6) if flatten else (n, 1, 2, 3))
        expected_x = pixels.astype(np.float32) / np.float32(255) if normalize else pixels
        expected_t = np.eye(10, dtype=np.float32)[labels] if one_hot_label else labels
        assert (x.dtype, x.shape) == (expected_x.dtype, expected_x.shape)
        assert (x == expected_x).all()
        assert t.dtype == (np.float32 if one_hot_label else np.int64)
        assert np.array_equal(t, expected_t)
        assert x.flags.writeable
        assert t.flags.writeable


def test_mypy_knows_the_types_of_normalized_samples(tmp_path: Path) -> None:
    data_dir = write_files(tmp_path / "data")

    assert_type(load_mnist(data_dir=data_dir), tuple[tuple[Flat, Labels], tuple[Flat, Labels]])
    assert_type(load_mnist(one_hot_label=True, data_dir=data_dir)[0], tuple[Flat, Flat])
    assert_type(load_mnist(flatten=False, data_dir=data_dir)[0], tuple[Grid, Labels])
    assert_type(
        load_mnist(flatten=False, one_hot_label=True, data_dir=data_dir)[0], tuple[Grid, Flat]
    )


@pytest.mark.parametrize(
    "pattern", ["{stem}-idx{rank}-ubyte.gz", "{stem}-idx{rank}-ubyte", "{stem}.idx{rank}-ubyte"]
)
def test_a_folder_can_hold_the_files_gzipped_or_plain(tmp_path: Path, pattern: str) -> None:
    folder = write_files(tmp_path / "data", pattern)

    assert len(load_mnist(data_dir=folder)[0][0]) == N_TRAIN


def test_the_folder_can_be_a_string_that_starts_at_home(tmp_path: Path) -> None:
    write_files(tmp_path / "home" / "data")

    assert len(load_mnist(data_dir="~/data")[1][0]) == N_TEST


def test_the_environment_can_name_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNET_DATA_DIR", str(write_files(tmp_path / "data")))

    assert len(load_mnist()[0][0]) == N_TRAIN


def test_the_argument_takes_precedence_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNET_DATA_DIR", str(tmp_path / "nothing"))

    assert len(load_mnist(data_dir=write_files(tmp_path / "data"))[0][0]) == N_TRAIN


def test_the_message_lists_all_missing_files_of_a_folder(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data")
    (folder / f"{IMAGES}.gz").unlink()
    (folder / f"{LABELS}.gz").unlink()

    text = failure(folder)

    assert f"not complete in {folder}, given by data_dir: " in text
    assert f"{IMAGES}.gz or {IMAGES} or train-images.idx3-ubyte" in text
    assert LABELS in text
    assert "train-labels" not in text


def test_the_message_names_the_variable_whose_folder_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNET_DATA_DIR", str(tmp_path / "nothing"))

    assert f"{tmp_path / 'nothing'}, given by FUNNET_DATA_DIR" in failure()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: gzip.compress(content[:-1]), "bytes of data, found only"),
        (lambda content: gzip.compress(content + b"7"), "bytes of data, found more"),
        (lambda content: gzip.compress(content[:-1] + b"7"), "expected content with SHA-256"),
        (lambda content: gzip.compress(content)[:-9], "expected complete gzip data, found damage"),
        (lambda content: content[:9], "bytes of data, found only 9"),
        (lambda _: gzip.compress(bytes(100 << 20), 1), "bytes of data, found more"),
    ],
    ids=["short", "long", "changed", "cut gzip", "cut", "bomb"],
)
def test_content_other_than_the_official_one_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes], says: str
) -> None:
    path = write_files(tmp_path / "data") / f"{IMAGES}.gz"
    path.write_bytes(damage(idx(CONTENTS["train-images"])))

    text = failure(path.parent)

    assert text.startswith(f"{path}: ")
    assert says in text
    assert "Replace this file by the original" in text


@pytest.fixture
def mnist_dir(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.undo()  # of the small files
    shared = Path(__file__).parents[3] / "shared" / "mnist"
    folder = Path(os.environ.get("FUNNET_DATA_DIR") or shared)
    if not folder.is_dir():
        pytest.skip(f"there is no MNIST in {folder}; set FUNNET_DATA_DIR to its folder")
    return folder


def test_the_real_files_have_the_known_content(mnist_dir: Path) -> None:
    (x_train, t_train), (x_test, t_test) = load_mnist(data_dir=mnist_dir)

    assert (x_train.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
    assert x_train.min() == 0
    assert x_train.max() == 1
    assert x_train.mean(dtype=np.float64) == pytest.approx(0.1307, abs=1e-4)
    assert t_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert t_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_loading_takes_little_more_memory_than_the_result(mnist_dir: Path) -> None:
    """The arrays take 220 MB, and the pixels as bytes 47 MB while they are converted."""
    tracemalloc.start()
    try:
        load_mnist(data_dir=mnist_dir)
        assert tracemalloc.get_traced_memory()[1] < 270e6
    finally:
        tracemalloc.stop()


def test_a_home_folder_of_an_unknown_user_is_refused() -> None:
    assert failure(Path("~no such user/mnist")).startswith("~no such user/mnist: ")
