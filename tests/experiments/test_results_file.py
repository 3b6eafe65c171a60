"""The results file: what is refused, what is kept, and how sweeps share it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from programs import FOLDER, python
from sweep_runs import fails_for_odd, runs_again

from funnet import sweep


def test_a_line_contains_the_run_its_value_and_its_error(file: Path) -> None:
    list(sweep(fails_for_odd, [2, 3], results=file, seed=9))
    good, bad = map(json.loads, file.read_text().splitlines())

    assert good["value"] == 2
    assert good["error"] is None
    assert (good["run"]["index"], good["run"]["seed"], good["run"]["config"]) == (0, 9, 2)
    assert bad["value"] is None
    assert "3 is odd" in bad["error"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"lr": 0.1}',
        b'{"lr": 0.1}\n',
        b"[1, 2",
        b"lr,loss\n0.1,",
        b"\n",
        b"\x00\x00",
        b'{"run": {"index": []}}',
        b'{"run": {"index": x',
        b'{"run": {"index": "0',
        b'{"run": {"index": 0}}',
        '{"run": {"index": 0, "café'.encode("latin-1"),
        b"\xef\xbb\xbf{",
        b'{"run": {"index": 0, "seed": ' + b"[" * 100_000,
        b"PK\x03\x04\x14\x00\x00\x00",  # a checkpoint
    ],
)
def test_a_file_with_other_content_is_refused_and_unchanged(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    old = file.stat()
    with pytest.raises(ValueError, match=r"results\.jsonl, line 1 is not a result"):
        sweep(fails_for_odd, [0], results=file)
    assert file.read_bytes() == content
    assert file.stat().st_mtime_ns == old.st_mtime_ns


RECORD = {
    "run": {"index": 0, "seed": 0, "config": 0, "fingerprint": "0"}, "value": 0, "error": None,
}  # fmt: skip


def changed(**changes: object) -> bytes:
    run = RECORD["run"] | {k: v for k, v in changes.items() if k in RECORD["run"]}  # type: ignore[operator]
    rest = {k: v for k, v in changes.items() if k not in RECORD["run"]}  # type: ignore[operator]
    return json.dumps(RECORD | {"run": run} | rest).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"nonsense",
        b'{"run": 1, "value": 2, "error": null}',
        b'{"run": {"index": []}}',
        b"[" * 100_000,
        b'{"run": ' * 10_000,
        changed().replace(b'"0"', b'"\xff"'),
        changed().replace(b'"0"', b'"\xed\xa0\x80"'),
        changed()[:-1],
        changed(index=[]),
        changed(index={}),
        changed(index=True),
        changed(index=0.0),
        changed(index=-1),
        changed(index=10**30),
        changed(index="0"),
        changed(index=None),
        changed(seed=None),
        changed(seed=-1),
        changed(seed=False),
        changed(fingerprint=0),
        changed(error=0),
        changed(error="failed"),
        changed(value={"float": 1}),
        changed(value={"float": "0x1p3"}),
        changed(value={"float": []}),
        changed(value={"dict": 1}),
        changed(more=1),
        changed(died=False),
        changed().replace(b'"value": 0', b'"value": ' + b"1" * 5_000),
    ],
)
def test_the_error_names_the_number_of_a_damaged_line(line: bytes, file: Path) -> None:
    content = changed() + b"\n" + line + b"\n" + changed() + b"\n"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"results\.jsonl, line 2 is not a result"):
        sweep(fails_for_odd, [0], results=file)
    assert file.read_bytes() == content


@given(data=st.data())
def test_a_file_with_random_damage_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("damaged") / "results.jsonl"
    list(sweep(fails_for_odd, range(3), results=file))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    whole = bytes(content[: content.rfind(b"\n") + 1])
    file.write_bytes(content)
    try:
        results = list(sweep(fails_for_odd, range(3), results=file))
    except ValueError as error:
        assert "is not a result" in str(error)  # noqa: PT017 (it need not be raised)
        assert file.read_bytes() == content
    else:
        assert len(results) == 3
        assert file.read_bytes().startswith(whole)


def test_an_unfinished_line_is_removed(file: Path) -> None:
    list(sweep(fails_for_odd, [0, 2, 4], results=file))
    whole = file.read_bytes()
    for length in range(whole.rindex(b"\n", 0, -1) + 1, len(whole)):
        file.write_bytes(whole[:length])
        assert [r.value for r in sweep(fails_for_odd, [0, 2, 4], results=file)] == [0, 2, 4]
        assert file.read_bytes() == whole


def test_a_line_without_a_newline_is_read_and_completed(file: Path) -> None:
    list(sweep(fails_for_odd, [0, 2], results=file))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])

    assert not runs_again([0, 2], file)
    assert file.read_bytes() == whole
    file.write_bytes(whole[:-1])
    list(sweep(fails_for_odd, [0, 2, 4], results=file))
    assert file.read_bytes().startswith(whole)
    assert not runs_again([0, 2, 4], file)


def test_an_unfinished_line_of_another_process_is_removed(file: Path) -> None:
    stream = sweep(fails_for_odd, [0, 2, 4], results=file)
    next(stream)
    with file.open("ab") as other:
        other.write(changed()[:40])
    assert len(list(stream)) == 2
    assert not runs_again([0, 2, 4], file)


def test_results_of_others_are_kept_and_other_lines_refused(file: Path) -> None:
    stream = sweep(fails_for_odd, [0, 2, 4], results=file)
    next(stream)
    with file.open("ab") as other:
        other.write(changed() + b"\n")
    next(stream)
    assert len(file.read_bytes().splitlines()) == 3
    with file.open("ab") as other:
        other.write(b"a note\n")
    with pytest.raises(ValueError, match="line 4 is not a result"):
        next(stream)
    assert file.read_bytes().endswith(b"a note\n")


def test_a_file_that_is_removed_during_a_sweep_is_created_again(file: Path) -> None:
    stream = sweep(fails_for_odd, [0, 2, 4], results=file)
    next(stream)
    file.unlink()
    list(stream)
    assert len(file.read_bytes().splitlines()) == 2


STARTER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from funnet import sweep
from sweep_runs import fails_for_odd

_, file, seed, workers = sys.argv
executor = ThreadPoolExecutor(int(workers)) if int(workers) else None
results = sweep(fails_for_odd, range(60), seed=int(seed), executor=executor, results=file)
assert len(list(results)) == 60
"""


def test_processes_that_share_a_file_lose_nothing(file: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", STARTER, file, seed, workers], cwd=FOLDER)
        for seed, workers in ("00", "03", "12")
    ]
    assert [starter.wait(60) for starter in starters] == [0] * 3
    done = {
        (record["run"]["seed"], record["run"]["index"])
        for record in map(json.loads, file.read_bytes().splitlines())
    }
    assert done == {(seed, index) for seed in range(2) for index in range(60)}


def test_a_line_that_another_process_is_writing_is_not_removed(file: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="this system has other locks")
    list(sweep(fails_for_odd, [0, 2], results=file))
    whole = file.read_bytes()
    first, rest = whole[:-30], whole[-30:]

    with file.open("r+b", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.truncate(len(first))
        other.seek(len(first))
        unlock = threading.Timer(
            0.5, lambda: (other.write(rest), fcntl.flock(other, fcntl.LOCK_UN))
        )
        unlock.start()
        assert not runs_again([0, 2], file)
        unlock.join()
    assert file.read_bytes() == whole


def test_threads_that_share_a_file_lose_nothing(file: Path) -> None:
    def start(seed: int) -> None:
        list(sweep(fails_for_odd, range(0, 80, 2), seed=seed, results=file))

    threads = [threading.Thread(target=start, args=(seed,)) for seed in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(file.read_bytes().splitlines()) == 120
    assert not any(runs_again(list(range(0, 80, 2)), file, seed=seed) for seed in range(3))


def test_a_full_disk_stops_the_sweep_and_leaves_the_file(file: Path) -> None:
    pytest.importorskip("resource", reason="this system sets no limits")
    list(sweep(fails_for_odd, [0, 2], results=file))
    whole = file.read_bytes()
    program = """
import resource, sys
from funnet import sweep
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    list(sweep(lambda config, seed: config, [0, 2, 4], results=sys.argv[1]))
except OSError as error:
    print(type(error).__name__)
"""
    assert python(program, file, len(whole) + 50) == "OSError\n"
    assert file.read_bytes() == whole
