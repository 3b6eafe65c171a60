"""Processes that are killed while they write, and damaged files, which never load as other values.

By default 20 kills and 300 files per value and format; with FUNNET_HARD_TESTS=1 in the environment
200 and 100,000.
"""

import io
import json
import os
import random
import re
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from checkpoint_values import HARD, Pruned, content, trained, with_buffers
from programs import python

import funnet as fn
from funnet.core.arrays import AnyArray
from funnet.core.encoding import difference, encode, to_json
from funnet.experiments.checkpoints import npz, safetensors

KILLS = 200 if HARD else 20
MUTATIONS = 100_000 if HARD else 300
SMALL = (np.arange(3.0), fn.LeakyReLU(0.3))

every_state = pytest.mark.parametrize("make", [trained, with_buffers])
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

KILLER = """
import os, random, signal, sys, time
import numpy as np
from funnet import Affine, load, save

path, kills = sys.argv[1], int(sys.argv[2])
values = [Affine(np.full((300, 100), k, np.float32), np.full(100, k, np.float32)) for k in range(2)]
save(path, values[0])
rng, seen, unfinished = random.Random(0), set(), 0
for kill in range(kills):
    begun, begins = os.pipe()
    child = os.fork()
    if child == 0:
        save(path, values[1])
        os.write(begins, b"!")
        while True:
            for value in values:
                save(path, value)
    os.read(begun, 1)
    time.sleep(rng.uniform(0, 0.015))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(begun)
    os.close(begins)
    layer = load(path, like=values[0])
    assert (layer.W == layer.b[0]).all() and (layer.b == layer.b[0]).all()
    seen.add(float(layer.b[0]))
    for name in os.listdir(os.path.dirname(path)):
        if name.endswith(".tmp"):
            unfinished += 1
            os.unlink(os.path.join(os.path.dirname(path), name))
print(len(seen), unfinished)
"""


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory, where there is one: disks are slow for so many files."""
    shared = Path("/dev/shm")  # noqa: S108
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@needs_fork
def test_a_process_killed_while_writing_leaves_a_complete_file(path: Path) -> None:
    seen, unfinished = map(int, python(KILLER, path, KILLS).split())

    assert seen == 2
    assert unfinished > 0  # so some of the kills were in the middle of a write


Mutation = Callable[[bytes, random.Random], bytes]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    new = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8, 100])):
        new[rng.randrange(len(new))] ^= 1 << rng.randrange(8)
    return bytes(new)


def flip_bits_of_headers(data: bytes, rng: random.Random) -> bytes:
    """Flip bits where the structure and the tables are: at the start and at the end."""
    new = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(2000)
        new[place if rng.random() < 0.5 else -place - 1] ^= 1 << rng.randrange(8)
    return bytes(new)


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def extend(data: bytes, rng: random.Random) -> bytes:
    more = rng.randbytes(rng.randrange(1, 5000))
    return data + more if rng.random() < 0.5 else more + data


def change_sizes(data: bytes, rng: random.Random) -> bytes:
    """Write an extreme number over a place in a table."""
    new = bytearray(data)
    width = rng.choice([2, 4, 8])
    number = rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1])
    tables = [match.start() for match in re.finditer(b"PK", data)] or [0]
    place = min(rng.choice(tables) + rng.randrange(46), len(data) - width)
    new[place : place + width] = (number % 256**width).to_bytes(width, "little")
    return bytes(new)


def cut_and_paste(data: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    place = rng.randrange(len(data))
    return rng.choice([data[:a] + data[b:], data[:place] + data[a:b] + data[place:]])


def change_digits(data: bytes, rng: random.Random) -> bytes:
    """Change numbers in the text of the structure."""
    new = bytearray(data)
    digits = [i for i, byte in enumerate(data[:3000]) if chr(byte) in "0123456789"]
    for place in rng.sample(digits, rng.randrange(1, 4)):
        new[place] = rng.choice(b"0123456789-e.")
    return bytes(new)


def rewrite_members(data: bytes, rng: random.Random) -> bytes:
    """Rename, repeat, drop, swap, empty or change members, with valid checksums."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        members = [(name, old.read(name)) for name in old.namelist()]
    for _ in range(rng.choice([1, 1, 2])):
        i, j = rng.randrange(len(members)), rng.randrange(len(members))
        name, content = members[i]
        kind = rng.randrange(7)
        if kind == 0:
            members[i] = (name + rng.choice(["x", "/", "\0", ".npy"]), content)
        elif kind == 1:
            members.append((name, content))
        elif kind == 2 and len(members) > 1:
            del members[i]
        elif kind == 3:
            members[i], members[j] = (name, members[j][1]), (members[j][0], content)
        elif kind == 4:
            members[i] = (name, b"")
        elif kind == 5:
            members[i] = (name, flip_bits(content, rng) if content else b"")
        else:
            members[i] = (name, change_digits(content, rng) if i == 0 and content else content)
    file = io.BytesIO()
    compression = rng.choice([zipfile.ZIP_STORED] * 5 + [zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(file, "w", compression) as new:
        for name, content in members:
            new.writestr(name, content)
    return file.getvalue()


MUTATIONS_OF_BYTES: list[Mutation] = [
    flip_bits,
    flip_bits_of_headers,
    truncate,
    extend,
    change_sizes,
    cut_and_paste,
    change_digits,
]


def loaded(path: Path, data: bytes) -> object:
    """Return what a file loads as, or None if it is refused, in little memory."""
    path.write_bytes(data)
    tracemalloc.start()
    try:
        return fn.load(path, types=[Pruned])
    except fn.CheckpointError:
        return None
    finally:
        # Half a megabyte is what zipfile may take to quote a name, which has at most 64 kB.
        assert tracemalloc.get_traced_memory()[1] <= 4 * len(data) + 500_000
        tracemalloc.stop()


def test_a_single_flipped_bit_is_detected_or_harmless(path: Path) -> None:
    """Each bit with FUNNET_HARD_TESTS=1, one bit of each byte without."""
    fn.save(path, SMALL)
    data = path.read_bytes()
    for place in range(0, 8 * len(data), 1 if HARD else 9):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        value = loaded(path, bytes(flipped))
        assert value is None or content(value) == content(SMALL), place


def test_a_truncated_file_is_refused_at_any_length(path: Path) -> None:
    fn.save(path, SMALL)
    data = path.read_bytes()
    assert not any(loaded(path, data[:length]) for length in range(len(data)))


def test_swapped_tensors_are_detected(tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "a.safetensors"
    fn.save(path, [np.zeros(3), np.ones(3)])
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    tensors = package.load_file(path)
    package.save_file({"0": tensors["1"], "1": tensors["0"]}, path, header["__metadata__"])
    with pytest.raises(fn.CheckpointError, match="its SHA-256 does not match its content"):
        fn.load(path)


@every_state
def test_a_damaged_file_is_an_error_or_the_same_value(
    make: Callable[[], object], path: Path, memory: Path
) -> None:
    path = memory / path.name
    original = make()
    fn.save(path, original)
    data = path.read_bytes()
    _ = fn.load(path, types=[Pruned])  # imports what it needs
    rng = random.Random(0)  # noqa: S311 (damage needs no secrets)
    refused = 0
    for _ in range(MUTATIONS):
        mutated = rng.choice(MUTATIONS_OF_BYTES)(data, rng)
        if mutated and rng.random() < 0.1:
            mutated = flip_bits(mutated, rng)
        value = loaded(path, mutated)
        refused += value is None
        assert value is None or content(value) == content(original)

    assert refused > 0.5 * MUTATIONS


@every_state
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_with_valid_checksums_are_an_error_or_a_value_of_the_same_type(
    make: Callable[[], object], memory: Path
) -> None:
    path = memory / "state.npz"
    original = make()
    fn.save(path, original)
    data = path.read_bytes()
    _ = fn.load(path, types=[Pruned])  # imports what it needs
    rng = random.Random(0)  # noqa: S311
    for _ in range(MUTATIONS // 4):
        value = loaded(path, rewrite_members(data, rng))
        assert value is None or difference(encode(original, {}), encode(value, {})) is None


@every_state
def test_a_structure_with_a_valid_checksum_is_an_error_or_a_value(
    make: Callable[[], object], path: Path, memory: Path
) -> None:
    kind = npz if path.suffix == ".npz" else safetensors
    path = memory / path.name
    arrays: dict[str, AnyArray] = {}
    node = to_json(encode(make(), arrays))
    document = {"format": "funnet", "version": 1, "value": node}
    structure = json.dumps(document, separators=(",", ":")).encode()
    path.write_bytes(kind.pack(structure, arrays))
    _ = fn.load(path, types=[Pruned])  # imports what it needs
    rng = random.Random(0)  # noqa: S311
    for _ in range(MUTATIONS // 4):
        text = rng.choice([flip_bits, change_digits, cut_and_paste])(structure, rng)
        kept = dict(rng.sample(list(arrays.items()), rng.choice([len(arrays), len(arrays) - 1])))
        loaded(path, kind.pack(bytes(byte & 0x7F for byte in text), kept))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, W=np.zeros(5_000_000, np.float32))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(fn.CheckpointError, match="it has compressed members"):
            fn.load(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
