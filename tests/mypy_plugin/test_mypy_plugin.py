"""The mypy plugin on right, wrong and random programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from inspect import isfunction
from pathlib import Path

import numpy as np
import pytest
from mypy import api
from random_programs import Kind, random_lines

import funnet

PROGRAMS = Path(__file__).parent
ROOT = PROGRAMS.parents[1]
HEADER = "from prelude import *; import numpy as np\n"
SHARED = """
row = sequential
WIDTH: Final = 12
update_shared = sgd_update
hidden = sequential(Affine.init(784, WIDTH, rng=rng), ReLU())
wide = sequential(Affine.init(784, 99, rng=rng), ReLU())
"""
MISFIT_ERROR = "layer 1 (Affine) expects 5 input features, but layer 0 (Affine) outputs 4"
MISFIT = f"""
from funnet import Affine as Last, sequential as last_row
last_layer = Last.init(3, 4, rng=0)
last_row(last_layer, Last.init(5, 6, rng=0))  # E: {MISFIT_ERROR}
last_row(Last.init(3, 4, rng=0), Last.init(5, 6, rng=0))  # E: {MISFIT_ERROR}
"""
USER_FILES = {
    f"user_{path.stem}": path.read_text()
    for path in [ROOT / "tests" / "typing" / "right.py", *(ROOT / "examples").glob("*.py")]
    if not re.search("matplotlib|plots", path.read_text())  # mypy takes long for their types
}

Reports = dict[str, set[tuple[int, str]]]
"""For each module, the lines of mypy's messages, and the messages."""


def read_programs(name: str) -> dict[str, str]:
    """Return the programs of a file by name."""
    parts = re.split(r"^\[(\w+)\]\n", (PROGRAMS / name).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


WRONG = read_programs("wrong.txt")
RIGHT = read_programs("right.txt")


class Workspace:
    """A folder of programs in which mypy runs."""

    def __init__(self, folder: Path, *, plugin: bool) -> None:
        self.folder = folder
        self.edits = 0
        self.settings = folder / "mypy.ini"
        self.settings.write_text(
            "[mypy]\npython_version = 3.11\nstrict = True\n"
            f"cache_dir = {folder / 'cache'}\n"
            f"{'plugins = funnet.mypy_plugin' if plugin else ''}\n"
        )
        shutil.copy(PROGRAMS / "prelude.txt", folder / "prelude.py")
        self.write("shared_row", SHARED)

    def write(self, name: str, program: str) -> None:
        """Write a program, with its first line on line 2."""
        path = self.folder / f"{name}.py"
        path.write_text(HEADER + program)
        self.edits += 1
        os.utime(path, (self.edits, self.edits))  # mypy misses edits within a second

    def check(self, *options: str) -> Reports:
        """Run mypy on all programs, or with these options."""
        return read_reports(self.run(*options or map(str, self.folder.glob("*.py"))))

    def run(self, *options: str) -> str:
        """Return the output of mypy."""
        out, err, _ = api.run(["--config-file", str(self.settings), *options])
        assert not err
        return out


def read_reports(output: str) -> Reports:
    """Return mypy's messages by module, with line numbers as in the programs."""
    reports: Reports = defaultdict(set)
    for line in output.splitlines():
        if found := re.match(r"(.+?)\.py:(\d+):(?:\d+:)? (?:error|note): (.*)", line):
            path, number, message = found.groups()
            reports[Path(path).name].add((int(number) - 1, message))
    return reports


REPORTS = {
    "E": "{}  [funnet-width]",
    "R": "{}  [funnet-rank]",
    "U": "the result of {} is not used, and it has no other effect  [funnet-unused]",
}
"""For each kind of comment, mypy's output."""


def announced(program: str) -> set[tuple[int, str]]:
    """Return the messages that the comments of a program announce."""
    return {
        (number, REPORTS[kind].format(text))
        for number, line in enumerate(program.splitlines(), start=1)
        for kind, text in re.findall(r"# ([ERU]): (.*?)(?= +# [ERU]: |$)", line)
    }


PRELUDE = (PROGRAMS / "prelude.txt").read_text()
N_LINES = 50
KINDS: tuple[Kind, ...] = ("rows", "images")
RANDOM = {
    f"random_{kind}_{seed}": random_lines(seed, kind, N_LINES, PRELUDE)
    for kind in KINDS
    for seed in range(8)
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a folder of all programs, so that mypy reads NumPy once."""
    workspace = Workspace(tmp_path_factory.mktemp("programs"), plugin=True)
    for name, program in WRONG.items():
        workspace.write(f"wrong_{name}", program)
    for name, program in RIGHT.items():
        workspace.write(f"right_{name}", program + MISFIT)
    for name, program in USER_FILES.items():
        (workspace.folder / f"{name}.py").write_text(program + MISFIT)
    for name, (lines, _) in RANDOM.items():
        constants = "ONE: Final = 1; TWO: Final = 2\n"
        workspace.write(name, constants + "\n".join(lines) + "\n")
    return workspace


@pytest.fixture(scope="module")
def reports(workspace: Workspace) -> Reports:
    """Return mypy's messages on all programs, with the plugin and a cold cache."""
    return workspace.check()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_is_reported_at_its_line_with_its_message(
    name: str, reports: Reports
) -> None:
    assert announced(WRONG[name])
    assert reports[f"wrong_{name}"] == announced(WRONG[name])


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_is_accepted_and_a_misfit_after_it_is_not(
    name: str, reports: Reports
) -> None:
    expected = announced(RIGHT[name] + MISFIT) if name != "disabled" else set()

    assert reports[f"right_{name}"] == expected


@pytest.mark.parametrize("name", USER_FILES)
def test_a_misfit_after_a_typical_program_is_reported(name: str, reports: Reports) -> None:
    # These programs have no header line.
    assert {(line + 1, message) for line, message in reports[name] if "funnet-" in message} == (
        announced(USER_FILES[name] + MISFIT)
    )


def test_each_public_function_is_pure_or_known_to_have_an_effect(workspace: Workspace) -> None:
    """New functions are assumed to be pure."""
    functions = sorted(name for name, value in vars(funnet).items() if isfunction(value))
    workspace.write("public", "import funnet\n" + "".join(f"funnet.{f}()\n" for f in functions))
    calls = enumerate(functions, start=2)

    reported = workspace.check(str(workspace.folder / "public.py"))["public"]

    silent = [name for line, name in calls if (line, REPORTS["U"].format(name)) not in reported]
    assert silent == [
        *("check_gradients", "concatenate", "last", "load_mnist", "lock_in_place"),
        *("residual", "save", "sequential"),
    ]


def test_there_are_at_least_forty_programs_of_each_kind() -> None:
    assert len(WRONG) >= 40
    assert len(RIGHT) >= 40


@pytest.mark.parametrize("name", RANDOM)
def test_mypy_reports_the_error_that_a_random_program_raises(name: str, reports: Reports) -> None:
    lines, raised = RANDOM[name]
    reported: dict[int, set[str]] = defaultdict(set)
    for number, message in reports[name]:
        assert message.endswith("  [funnet-width]")
        reported[number - 2].add(message.removesuffix("  [funnet-width]"))
    for i, (line, error) in enumerate(zip(lines, raised, strict=True)):
        if error is None:
            assert i not in reported, line
        else:
            assert error in reported[i], line


def test_about_a_third_of_the_random_programs_are_wrong() -> None:
    raised = [error is not None for _, errors in RANDOM.values() for error in errors]
    assert 0.2 < np.mean(raised) < 0.5


def test_plain_mypy_accepts_every_program(workspace: Workspace) -> None:
    folder = workspace.folder / "plain"
    folder.mkdir()
    plain = Workspace(folder, plugin=False)
    for kind, programs in ("wrong", WRONG), ("right", RIGHT):
        for name, program in programs.items():
            plain.write(f"{kind}_{name}", program)
    for name, messages in plain.check().items():
        if name != "right_silenced":  # there is nothing to silence without the plugin
            # Only assertions that a width is literal need the plugin.
            assert {message for _, message in messages if "[assert-type]" not in message} == set()


HIDDEN = "hidden = sequential(Affine.init(784, {width}, rng=rng), ReLU())\n"
HEAD = "from hidden_part import hidden\nsequential(hidden, Affine.init(12, 3, rng=rng))\n"
WIDER = REPORTS["E"].format(
    "layer 1 (Affine) expects 12 input features, but layer 0 (Sequential) outputs 13"
)


@pytest.fixture
def head(workspace: Workspace, reports: Reports) -> str:
    """Return the path of a program that imports a network."""
    assert reports  # the cache is warm
    workspace.write("hidden_part", HIDDEN.format(width=12))
    workspace.write("head_part", HEAD)
    return str(workspace.folder / "head_part.py")


def test_widths_are_stored_in_the_cache(workspace: Workspace, head: str) -> None:
    assert workspace.check(head) == {}
    workspace.write("head_part", HEAD + "\n")  # hidden_part is read from the cache
    assert workspace.check(head) == {}
    workspace.write("head_part", HEAD.replace("12", "13"))
    assert set(workspace.check(head)) == {"head_part"}


def test_a_changed_width_is_seen_in_importing_modules(workspace: Workspace, head: str) -> None:
    assert workspace.check(head) == {}
    workspace.write("hidden_part", HIDDEN.format(width=13))
    assert workspace.check(head) == {"head_part": {(2, WIDER)}}
    assert workspace.check(head) == {"head_part": {(2, WIDER)}}


def test_the_daemon_sees_a_changed_width(workspace: Workspace, head: str) -> None:
    folder = workspace.folder
    daemon = [sys.executable, "-m", "mypy.dmypy", "--status-file", str(folder / "dmypy.json")]

    def check() -> Reports:
        command = [*daemon, "run", "--timeout", "300", "--", "--config-file", "mypy.ini", head]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode < 2, done.stderr
        return read_reports(done.stdout)

    try:
        assert check() == {}
        workspace.write("hidden_part", HIDDEN.format(width=13))
        assert check() == {"head_part": {(2, WIDER)}}
        workspace.write("hidden_part", HIDDEN.format(width=12))
        assert check() == {}
        moved = "layer = Affine.init(3, 4, rng=rng)\n"
        workspace.write("head_part", HEAD + moved)
        assert check() == {}
        workspace.write("head_part", HEAD + moved + "layer = Affine.init(5, 6, rng=rng)\n")
        assert check() == {}
    finally:
        subprocess.run([*daemon, "stop"], cwd=folder, capture_output=True, check=False)


def test_the_message_is_at_the_argument(workspace: Workspace, reports: Reports) -> None:
    assert reports
    workspace.write("column", "sequential(Affine.init(3, 4, rng=0), Affine.init(5, 6, rng=0))\n")
    out = workspace.run("--show-column-numbers", str(workspace.folder / "column.py"))
    assert ":2:38: error: layer 1 (Affine) expects 5 input features" in out


def test_an_error_of_mypy_about_ranks_has_a_note_that_names_the_layers(
    workspace: Workspace, reports: Reports
) -> None:
    assert reports
    workspace.write(
        "adjacent", "sequential(Conv2d.init(1, 4, 3, rng=0), Affine.init(4, 3, rng=0))\n"
    )
    error, note, *_ = workspace.run(str(workspace.folder / "adjacent.py")).splitlines()
    assert ":2: error: Cannot infer" in error
    assert note.endswith(
        ":2: note: layer 1 (Affine) expects an array of rank 2, but layer 0 (Conv2d) outputs one "
        "of rank 4; put Flatten() between them"
    )


def test_the_readme_shows_the_output_of_mypy(workspace: Workspace, reports: Reports) -> None:
    assert reports
    readme = (ROOT / "README.md").read_text()
    [(program, shown)] = re.findall(
        r"```python\n(# wide\.py\n.*?)```\s+```text\n\$ mypy wide\.py\n(.*?)```", readme, re.DOTALL
    )
    path = workspace.folder / "wide.py"
    path.write_text(program)
    lines = (text.splitlines() for text in (workspace.run(str(path)), shown))
    found, expected = ([line.split("wide.py:")[-1] for line in text] for text in lines)
    assert found == expected
