"""pyright, which Pylance uses too, on right programs and the README."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_readme import blocks
from test_typing import PROGRAMS, needs_typed_numpy

pytest.importorskip("pyright", reason="pyright is not installed: pip install --group pyright")
pytestmark = needs_typed_numpy


def pyright(program: Path, folder: Path) -> list[str]:
    """Return pyright's messages on a program, with default settings."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, str(program)],
        cwd=folder,
        env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        check=False,
        text=True,
    )
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    return [each["message"] for each in report["generalDiagnostics"]]


@pytest.mark.parametrize("name", ["right", "right_sklearn"])
def test_a_right_program_is_accepted_with_its_asserted_types(name: str, tmp_path: Path) -> None:
    """The other right programs depend on how mypy joins types in lists and unions."""
    assert pyright(PROGRAMS / f"{name}.py", tmp_path) == []


def test_the_blocks_of_the_readme_are_accepted(tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    right = (
        text
        for language, text in blocks()
        if language == "python" and not text.startswith("# mypy reports this")
    )
    script.write_text("\n".join(right))

    assert pyright(script, tmp_path) == []
