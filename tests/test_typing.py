"""mypy on right and wrong programs."""

from __future__ import annotations

import ast
import re
import runpy
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from mypy import api

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(__file__).parent / "typing"
RIGHT, WRONG = (sorted(PROGRAMS.glob(f"{kind}*.py")) for kind in ("right", "wrong"))

needs_typed_numpy = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.3.0",
    reason="type checkers cannot infer the ranks of arrays before NumPy 2.3",
)
pytestmark = needs_typed_numpy


@pytest.fixture(scope="module", params=["plain", "plugin"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return settings for mypy: those of the project, with or without the plugin."""
    path = tmp_path_factory.mktemp("settings") / f"{request.param}.ini"
    ours = (ROOT / "mypy.ini").read_text().replace("$MYPY_CONFIG_FILE_DIR", str(ROOT))
    plugin = "plugins = funnet.mypy_plugin\n"
    assert plugin in ours
    path.write_text(ours if request.param == "plugin" else ours.replace(plugin, ""))
    return path


def mypy(settings: Path, *programs: Path) -> list[str]:
    """Return the lines that mypy prints about programs."""
    # With the plugin, the cache is that of the project; one for both would always be cold.
    cache = ROOT / ".mypy_cache" / ("" if settings.stem == "plugin" else "plain")
    options = ["--config-file", str(settings), "--cache-dir", str(cache), "--no-error-summary"]
    out, complaint, _ = api.run([*options, *map(str, programs)])
    assert not complaint
    # The programs do not use their results.
    return [line for line in out.splitlines() if "[funnet-unused]" not in line]


@pytest.fixture(scope="module")
def reports(settings: Path) -> dict[str, list[str]]:
    """Return the lines that mypy prints about each program, from one run over all."""
    lines = defaultdict(list)
    for line in mypy(settings, *RIGHT, *WRONG):
        if not re.search(r": note: .* defined here$", line):  # in funnet, by older versions
            lines[Path(line.split(":")[0]).stem].append(line)
    assert lines.keys() <= {program.stem for program in (*RIGHT, *WRONG)}  # nothing in funnet
    return lines


@pytest.mark.parametrize("program", RIGHT, ids=lambda path: path.stem)
def test_right_programs_are_accepted_with_their_asserted_types(
    reports: dict[str, list[str]], program: Path
) -> None:
    assert reports[program.stem] == []


def test_the_image_networks_run() -> None:
    runpy.run_path(str(PROGRAMS / "right_images.py"))


def test_no_name_in_a_right_program_has_a_type_with_any(settings: Path, tmp_path: Path) -> None:
    program = (PROGRAMS / "right.py").read_text()
    bound = {
        name.id
        for statement in ast.parse(program).body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for name in ast.walk(statement)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    names = bound - {"C", "G", "rng", "x", "t", "p", "seed", "any_rank"}
    script = tmp_path / "script.py"
    reveals = [f"reveal_type({name})\n" for name in names]
    script.write_text(program + "".join(reveals))

    revealed = [line for line in mypy(settings, script) if "Revealed type" in line]

    assert len(revealed) == len(names) > 25
    # NumPy's type for arrays of any rank contains Any.
    assert not [line for line in revealed if "Any" in line.replace("tuple[Any, ...]", "")]


@pytest.mark.parametrize("program", WRONG, ids=lambda path: path.stem)
def test_only_the_wrong_lines_are_reported_each_with_its_code(
    reports: dict[str, list[str]], program: Path
) -> None:
    expected = {
        (number, code)
        for number, line in enumerate(program.read_text().splitlines(), 1)
        for code in re.findall(r"\[[a-z-]+\]", line.partition("  # ")[2])
    }

    found = re.findall(r":(\d+): error: .*  (\[[a-z-]+\])", "\n".join(reports[program.stem]))

    assert len(expected) > 40
    assert {(int(number), code) for number, code in found} == expected
