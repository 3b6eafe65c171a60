"""`load_mnist`: the download and the cache."""

import gzip
import logging
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest
from small_mnist import CONTENTS, IMAGES, LABELS, N_TRAIN, failure, idx, write_files

from funnet.data import load_mnist, mnist_files

pytestmark = pytest.mark.usefixtures("small_mnist")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "funnet" / "mnist"


def test_an_empty_variable_counts_as_unset(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_the_cache_folder_depends_on_the_platform(
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


def silent(_: BaseHTTPRequestHandler, __: bytes) -> None:
    time.sleep(1)


def a_bomb(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    reply(handler, gzip.compress(bytes(1 << 24)))


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def redirect(location: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.end_headers()

    return answer


def raw(content: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        with suppress(ConnectionError):
            handler.wfile.write(content)

    return answer


LOCATIONS = (
    "http://[::1",
    "http://[a]/",
    "http://127.0.0.1:port/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    f"http://{'a' * 70}.example/",
    "http://.example/",
    "http://\xff\xfe/",
    "http://127.0.0.1\t/",
    "http:///",
    "file:///etc/passwd",
    "data:,text",
    "no-scheme:x",
)
ANSWERS = (
    b"",
    b"220 ftp.example.org\r\n",
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 99 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n\x1f\x8b",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n\x1f\x8b\x08",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\nabc",
    b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe://\x00\r\n\r\n",
)

FAILURES = (
    a_bomb,
    *map(redirect, LOCATIONS),
    *map(raw, ANSWERS),
    not_found,
    corrupted,
    truncated,
    broken_off,
    another_file,
    a_login_page,
    silent,
)


@attrs.frozen
class Mirrors:
    """The answers of the mirrors /a/ and /b/, and the requests that they got."""

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
    monkeypatch.setattr(mnist_files, "MIRRORS", (f"{url}/a/", f"{url}/b/"))
    monkeypatch.setattr(mnist_files, "TIMEOUT", 0.3)
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


def test_only_missing_files_are_downloaded(cache: Path, mirrors: Mirrors) -> None:
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
        f"downloading {mnist_files.MIRRORS[0]}{mirrors.requests[0][2:]} to {cache / LABELS}.gz"
    ]


@pytest.mark.parametrize("failing", FAILURES, ids=range(len(FAILURES)))
def test_the_second_mirror_is_used_if_the_first_fails(
    cache: Path, mirrors: Mirrors, failing: Answer
) -> None:
    (write_files(cache) / f"{IMAGES}.gz").unlink()
    mirrors.answers["a"] = failing

    (x, _), _ = load_mnist(normalize=False)

    assert (x == CONTENTS["train-images"].reshape(x.shape)).all()
    assert mirrors.requests == [f"a/{IMAGES}.gz", f"b/{IMAGES}.gz"]


@pytest.mark.parametrize("failing", FAILURES, ids=range(len(FAILURES)))
def test_if_both_mirrors_fail_the_error_lists_the_attempts_and_nothing_is_left(
    cache: Path, mirrors: Mirrors, failing: Answer
) -> None:
    mirrors.answers.update(a=failing, b=failing)

    text = failure()

    assert f"not complete in {cache}: looked for {IMAGES}.gz or {IMAGES}" in text
    assert all(f"{mirror}{IMAGES}.gz (" in text for mirror in mnist_files.MIRRORS)
    assert "Connect to the internet, or give a folder" in text
    assert list(cache.iterdir()) == []


def test_a_silent_mirror_times_out(cache: Path, mirrors: Mirrors) -> None:
    mirrors.answers.update(a=silent, b=silent)

    assert failure().count("timed out") == 2
    assert cache.is_dir()


def test_a_given_folder_is_never_downloaded_into(
    tmp_path: Path, cache: Path, mirrors: Mirrors
) -> None:
    write_files(cache)

    failure(tmp_path)

    assert mirrors.requests == []


def test_an_endless_answer_is_cut_off(cache: Path, mirrors: Mirrors) -> None:
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


def test_a_cache_that_cannot_be_written_is_an_error(cache: Path, mirrors: Mirrors) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("not a folder")

    assert f"File exists: '{cache}'" in failure()
    assert mirrors.requests == []


def test_after_any_error_the_next_mirror_is_tried(
    cache: Path, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies, certificates and encodings raise errors of any class."""
    fetch = mnist_files._fetch  # noqa: SLF001
    errors = iter([struct.error("a"), UnicodeError("b"), OverflowError("c"), RecursionError()])

    def fail_once(url: str, path: Path, file: mnist_files.File) -> None:
        if url.startswith(mnist_files.MIRRORS[0]):
            raise next(errors)
        fetch(url, path, file)

    monkeypatch.setattr(mnist_files, "_fetch", fail_once)

    assert len(load_mnist()[0][0]) == N_TRAIN


def test_an_error_without_a_message_is_shown_by_its_repr(
    cache: Path, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(url: str, path: Path, file: mnist_files.File) -> None:
        raise RecursionError

    monkeypatch.setattr(mnist_files, "_fetch", fail)

    assert f"{mnist_files.MIRRORS[1]}{IMAGES}.gz (RecursionError())" in failure()
