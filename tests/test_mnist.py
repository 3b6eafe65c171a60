"""MNIST: where it is found, how it is downloaded, and what is made of it."""

import gzip
import hashlib
import logging
import os
import struct
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import assert_type

import attrs
import numpy as np
import pytest

from funnet.arrays import Labels
from funnet.data import DataError, load_mnist, mnist

Flat32 = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Grid8 = np.ndarray[tuple[int, int, int, int], np.dtype[np.uint8]]

N_TRAIN, N_TEST = 200, 100
IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


CONTENTS = {
    "train-images": np.arange(N_TRAIN * 6, dtype=np.uint8).reshape(N_TRAIN, 2, 3),
    "train-labels": np.arange(N_TRAIN, dtype=np.uint8) % 10,
    "t10k-images": np.arange(N_TEST * 6, dtype=np.uint8)[::-1].reshape(N_TEST, 2, 3),
    "t10k-labels": np.arange(N_TEST, dtype=np.uint8) % 7,
}


@pytest.fixture(autouse=True)
def _small_mnist_and_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put four small files in the place of the official ones, and no folder in the environment."""
    files = tuple(
        mnist.File(stem, array.shape, hashlib.sha256(idx(array)).hexdigest())
        for stem, array in CONTENTS.items()
    )
    monkeypatch.setattr(mnist, "FILES", files)
    monkeypatch.setattr(mnist, "MIRRORS", ())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("FUNNET_DATA_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "funnet" / "mnist"


def write_files(folder: Path, pattern: str = "{stem}-idx{rank}-ubyte.gz") -> Path:
    folder.mkdir(parents=True)
    for stem, array in CONTENTS.items():
        content = idx(array)
        name = pattern.format(stem=stem, rank=array.ndim)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def failure(data_dir: Path | None = None) -> str:
    """Return what the refusal to load says."""
    with pytest.raises(DataError) as caught:
        load_mnist(data_dir=data_dir)
    return str(caught.value)


# What is made of the files


@pytest.mark.parametrize(
    ("normalize", "flatten", "one_hot_label"), list(product([True, False], repeat=3))
)
def test_the_options_say_what_comes(
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


def test_the_types_are_known_to_mypy(tmp_path: Path) -> None:
    """The table of types is that of load_digits, of which the tests try every row."""
    data_dir = write_files(tmp_path / "data")

    assert_type(load_mnist(data_dir=data_dir), tuple[tuple[Flat32, Labels], tuple[Flat32, Labels]])
    assert_type(
        load_mnist(normalize=False, flatten=False, one_hot_label=True, data_dir=data_dir)[0],
        tuple[Grid8, Flat32],
    )


# Where the files are found


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


def test_the_argument_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNET_DATA_DIR", str(tmp_path / "nothing"))

    assert len(load_mnist(data_dir=write_files(tmp_path / "data"))[0][0]) == N_TRAIN


def test_an_empty_variable_names_no_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNNET_DATA_DIR", "")
    write_files(cache)

    assert len(load_mnist()[0][0]) == N_TRAIN


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", None, "home/.cache"),
        ("linux", "XDG_CACHE_HOME", "chosen"),
        ("darwin", None, "home/Library/Caches"),
        ("darwin", "XDG_CACHE_HOME", "home/Library/Caches"),
        ("win32", None, "home/AppData/Local"),
        ("win32", "LOCALAPPDATA", "chosen"),
    ],
)
def test_the_cache_lies_where_the_platform_has_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variable: str | None,
    folder: str,
) -> None:
    write_files(tmp_path / folder / "funnet" / "mnist")
    monkeypatch.setattr(sys, "platform", platform)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))

    assert len(load_mnist()[0][0]) == N_TRAIN


def test_an_incomplete_folder_is_told_with_all_that_lacks(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data")
    (folder / f"{IMAGES}.gz").unlink()
    (folder / f"{LABELS}.gz").unlink()

    text = failure(folder)

    assert f"not complete in {folder}, which data_dir names" in text
    assert f"{IMAGES}.gz or {IMAGES} or train-images.idx3-ubyte" in text
    assert LABELS in text
    assert "train-labels" not in text


def test_a_missing_folder_of_the_environment_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNNET_DATA_DIR", str(tmp_path / "nothing"))

    assert f"{tmp_path / 'nothing'}, which FUNNET_DATA_DIR names" in failure()


# What the files must contain


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: gzip.compress(content[:-1]), "bytes of data, found only"),
        (lambda content: gzip.compress(content + b"7"), "bytes of data, found more"),
        (lambda content: gzip.compress(content[:-1] + b"7"), "expected content with SHA-256"),
        (lambda content: gzip.compress(content)[:-9], "expected whole gzip data, found damage"),
        (lambda content: content[:9], "bytes of data, found only 9"),
        (lambda _: gzip.compress(bytes(100 << 20), 1), "bytes of data, found more"),
    ],
    ids=["short", "long", "changed", "cut gzip", "cut", "bomb"],
)
def test_other_content_than_the_official_one_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes], says: str
) -> None:
    path = write_files(tmp_path / "data") / f"{IMAGES}.gz"
    path.write_bytes(damage(idx(CONTENTS["train-images"])))

    text = failure(path.parent)

    assert text.startswith(f"{path}: ")
    assert says in text
    assert "Replace this file by the original" in text


# How they are downloaded


def reply(handler: BaseHTTPRequestHandler, payload: bytes, *, n_bytes: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(payload) if n_bytes is None else n_bytes))
    handler.end_headers()
    handler.wfile.write(payload)


def not_found(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_error(404)


def corrupted(handler: BaseHTTPRequestHandler, payload: bytes) -> None:
    reply(handler, payload[:20] + bytes([payload[20] ^ 1]) + payload[21:])


def truncated(handler: BaseHTTPRequestHandler, payload: bytes) -> None:
    reply(handler, payload[:-20])


def broken_off(handler: BaseHTTPRequestHandler, payload: bytes) -> None:
    reply(handler, payload[:-20], n_bytes=len(payload))


def another_file(handler: BaseHTTPRequestHandler, payload: bytes) -> None:
    content = gzip.decompress(payload)
    reply(handler, gzip.compress(content[:-1] + b"7"))


def a_login_page(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, b"<html>Welcome to the airport!</html>")


def no_http(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"220 ftp.example.org\r\n")


def silent(_: BaseHTTPRequestHandler, __: bytes) -> None:
    time.sleep(1)


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]
FAILURES = (
    not_found,
    corrupted,
    truncated,
    broken_off,
    another_file,
    a_login_page,
    no_http,
    silent,
)


@attrs.frozen
class Mirrors:
    """How the mirrors /a/ and /b/ answer, and what they were asked for."""

    answers: dict[str, Answer]
    requests: list[str]


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    mirrors = Mirrors({"a": reply, "b": reply}, [])
    payloads = {
        f"{stem}-idx{array.ndim}-ubyte.gz": gzip.compress(idx(array))
        for stem, array in CONTENTS.items()
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, mirror, name = self.path.split("/")
            mirrors.requests.append(f"{mirror}/{name}")
            mirrors.answers[mirror](self, payloads[name])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Leave the tests' output alone."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(mnist, "MIRRORS", (f"{url}/a/", f"{url}/b/"))
    monkeypatch.setattr(mnist, "TIMEOUT", 0.3)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield mirrors
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_files_are_downloaded_once(cache: Path, mirrors: Mirrors) -> None:
    (x, _), _ = load_mnist()
    (again, _), _ = load_mnist()

    assert (x == again).all()
    assert mirrors.requests == [
        f"a/{stem}-idx{array.ndim}-ubyte.gz" for stem, array in CONTENTS.items()
    ]
    assert sorted(path.name for path in cache.iterdir()) == sorted(
        request.removeprefix("a/") for request in mirrors.requests
    )


def test_only_what_the_cache_lacks_is_downloaded(cache: Path, mirrors: Mirrors) -> None:
    (write_files(cache) / f"{LABELS}.gz").unlink()

    load_mnist()

    assert mirrors.requests == [f"a/{LABELS}.gz"]


def test_a_download_is_logged(
    cache: Path, mirrors: Mirrors, caplog: pytest.LogCaptureFixture
) -> None:
    (write_files(cache) / f"{LABELS}.gz").unlink()

    with caplog.at_level(logging.INFO, "funnet"):
        load_mnist()

    assert caplog.messages == [
        f"downloading {mnist.MIRRORS[0]}{mirrors.requests[0][2:]} to {cache / LABELS}.gz"
    ]


@pytest.mark.parametrize("failing", FAILURES)
def test_the_second_mirror_helps_where_the_first_one_fails(
    cache: Path, mirrors: Mirrors, failing: Answer
) -> None:
    (write_files(cache) / f"{IMAGES}.gz").unlink()
    mirrors.answers["a"] = failing

    (x, _), _ = load_mnist(normalize=False)

    assert (x == CONTENTS["train-images"].reshape(x.shape)).all()
    assert mirrors.requests == [f"a/{IMAGES}.gz", f"b/{IMAGES}.gz"]


@pytest.mark.parametrize("failing", FAILURES)
def test_with_both_mirrors_down_the_error_says_what_was_tried_and_nothing_is_left(
    cache: Path, mirrors: Mirrors, failing: Answer
) -> None:
    mirrors.answers.update(a=failing, b=failing)

    text = failure()

    assert f"not complete in {cache}: looked for {IMAGES}.gz or {IMAGES}" in text
    assert all(f"{mirror}{IMAGES}.gz (" in text for mirror in mnist.MIRRORS)
    assert "Connect to the internet, or name a folder" in text
    assert list(cache.iterdir()) == []


def test_a_silent_mirror_is_given_up(cache: Path, mirrors: Mirrors) -> None:
    mirrors.answers.update(a=silent, b=silent)

    assert failure().count("timed out") == 2
    assert cache.is_dir()


def test_a_named_folder_is_the_only_place(tmp_path: Path, cache: Path, mirrors: Mirrors) -> None:
    write_files(cache)

    failure(tmp_path)

    assert mirrors.requests == []


def test_no_more_is_taken_than_the_file_could_have(cache: Path, mirrors: Mirrors) -> None:
    block = bytes(1 << 20)
    blocks_sent: list[int] = []

    def without_end(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        with suppress(ConnectionError):
            reply(handler, b"", n_bytes=1 << 40)
            while len(blocks_sent) < 100:
                handler.wfile.write(block)
                blocks_sent.append(len(block))

    mirrors.answers["a"] = without_end

    load_mnist()

    assert len(blocks_sent) < 100
    assert len(list(cache.iterdir())) == 4


def test_a_cache_that_cannot_be_written_is_told(cache: Path, mirrors: Mirrors) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("not a folder")

    assert f"File exists: '{cache}'" in failure()
    assert mirrors.requests == []


# The real files


@pytest.fixture
def mnist_dir(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.undo()  # of the small files
    shared = Path(__file__).parents[2] / "shared" / "mnist"
    folder = Path(os.environ.get("FUNNET_DATA_DIR") or shared)
    if not folder.is_dir():
        pytest.skip(f"there is no MNIST in {folder}; set FUNNET_DATA_DIR to its folder")
    return folder


def test_the_real_files_hold_what_is_known_of_them(mnist_dir: Path) -> None:
    (x_train, t_train), (x_test, t_test) = load_mnist(data_dir=mnist_dir)

    assert (x_train.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
    assert (x_train.min(), x_train.max()) == (0, 1)
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
