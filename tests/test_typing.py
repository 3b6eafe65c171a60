"""mypy on right and wrong programs."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from mypy import api

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(__file__).parent / "typing"

needs_typed_numpy = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.3.0",
    reason="type checkers cannot infer the ranks of arrays before NumPy 2.3",
)
pytestmark = needs_typed_numpy


@pytest.fixture(params=["plain", "plugin"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return settings for mypy: those of the project, with or without the plugin."""
    path = tmp_path / f"{request.param}.ini"
    ours = (ROOT / "mypy.ini").read_text().replace("$MYPY_CONFIG_FILE_DIR", str(ROOT))
    plugin = "plugins = funnet.mypy_plugin\n"
    assert plugin in ours
    path.write_text(ours if request.param == "plugin" else ours.replace(plugin, ""))
    return path


def mypy(settings: Path, program: Path) -> list[str]:
    """Return the lines that mypy prints about a program."""
    cache = ROOT / ".mypy_cache" / settings.stem  # one for both would always be cold
    options = ["--config-file", str(settings), "--cache-dir", str(cache), "--no-error-summary"]
    out, complaint, _ = api.run([*options, str(program)])
    assert not complaint
    # The programs do not use their results.
    return [line for line in out.splitlines() if "[funnet-unused]" not in line]


@pytest.mark.parametrize("program", sorted(PROGRAMS.glob("right*.py")), ids=lambda path: path.stem)
def test_right_programs_are_accepted_with_their_asserted_types(
    settings: Path, program: Path
) -> None:
    assert mypy(settings, program) == []


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


@pytest.mark.parametrize("program", sorted(PROGRAMS.glob("wrong*.py")), ids=lambda path: path.stem)
def test_only_the_wrong_lines_are_reported_each_with_its_code(
    settings: Path, program: Path
) -> None:
    expected = {
        (number, code)
        for number, line in enumerate(program.read_text().splitlines(), 1)
        for code in re.findall(r"\[[a-z-]+\]", line.partition("  # ")[2])
    }

    found = re.findall(r":(\d+): error: .*  (\[[a-z-]+\])", "\n".join(mypy(settings, program)))

    assert len(expected) > 40
    assert {(int(number), code) for number, code in found} == expected
