"""What the README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from mypy import api
from test_typing import needs_typed_numpy

from funnet import ShapeError

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Return the language and the text of each block of the README."""
    return BLOCK.findall((ROOT / "README.md").read_text())


def test_the_first_screen_has_the_two_commands() -> None:
    commands = [text.strip() for language, text in blocks() if language == "sh"]

    install = "python3 -m venv .venv && .venv/bin/pip install -qe"
    assert commands == [
        f'{install} ".[examples]" && .venv/bin/python examples/quickstart.py',
        f'{install} ".[test]" && .venv/bin/pytest',
    ]


def test_the_blocks_run_in_their_order_and_print_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}

    for (language, text), (next_language, output) in pairwise([*blocks(), ("", "")]):
        if language != "python":
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            if text.startswith("# wide.py"):
                with pytest.raises(ShapeError) as caught:
                    exec(text, names)  # noqa: S102 (our own README)
                assert f"error: {caught.value}  [funnet-width]" in output
            elif not text.startswith("# mypy reports this"):
                exec(text, names)  # noqa: S102 (our own README)
        if next_language == "text" and "error: " not in output:
            assert said.getvalue() == output


def test_the_first_block_learns_the_digits() -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(next(text for language, text in blocks() if language == "python"), {})  # noqa: S102

    assert float(said.getvalue()) > 0.96


@needs_typed_numpy
def test_mypy_says_of_the_blocks_what_is_shown(tmp_path: Path) -> None:
    """All python blocks, as one script, have the errors that are shown, and no others."""
    script = tmp_path / "readme.py"
    script.write_text("\n".join(text for language, text in blocks() if language == "python"))
    config = ["--config-file", str(ROOT / "mypy.ini"), "--no-error-summary"]

    out, _, _ = api.run([*config, str(script)])

    shown = [line for _, text in blocks() for line in text.splitlines() if "error: " in line]
    assert len(shown) == 2
    assert [line.partition("error: ")[2] for line in out.splitlines()] == [
        line.partition("error: ")[2] for line in shown
    ]
