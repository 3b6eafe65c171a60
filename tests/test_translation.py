"""The Korean pages follow the English ones line by line and use public names only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from public_names import public_names

ROOT = Path(__file__).parent.parent
PAIRS = {
    folder.name or "top": [
        (ROOT / folder / name).read_text(encoding="utf-8") for name in ("README.ko.md", "README.md")
    ]
    for folder in (Path(), Path("examples"))
}

both_pages = pytest.mark.parametrize(("korean", "english"), PAIRS.values(), ids=PAIRS)


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w+\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def kinds(text: str) -> list[str]:
    """Return what each line is: empty, prose, or the mark that begins a heading, row or item."""
    marks = (re.match(r"#+ |[-|<`]|!\[|$", line) for line in text.splitlines())
    return [mark.group() if mark else "prose" for mark in marks]


def found(pattern: str, text: str) -> list[set[str]]:
    """Return what a pattern finds in each line; words have another order in Korean."""
    return [set(re.findall(pattern, line)) for line in text.splitlines()]


@both_pages
def test_both_have_the_same_blocks(korean: str, english: str) -> None:
    assert blocks(korean) == blocks(english)


@both_pages
def test_both_have_the_same_kinds_of_lines_in_the_same_order(korean: str, english: str) -> None:
    assert kinds(korean) == kinds(english)


@both_pages
@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r'(?:\]\(|src=")(?!http)([^)#"]+)', id="files"),
        pytest.param(r"`((?:python|pip|pytest|mpiexec) [^`]*)`", id="commands"),
        pytest.param(r"\d[\d,]*\.\d+|\d[\d,]+\d|\d\d", id="numbers"),
    ],
)
def test_each_line_has_the_same_in_both(korean: str, english: str, pattern: str) -> None:
    """Numbers of one digit are left out, which may be words."""
    korean = korean.replace("README.ko.md", "README.md")
    english = english.replace("README.ko.md", "README.md")

    assert any(found(pattern, english))
    assert found(pattern, korean) == found(pattern, english)


def test_each_page_links_to_the_other_first() -> None:
    for korean, english in PAIRS.values():
        assert korean.splitlines()[2] == "[English](README.md)"
        assert english.splitlines()[2] == "[한국어](README.ko.md)"


def test_the_names_given_for_those_of_the_textbook_are_public() -> None:
    """In the table's right column, whatever is called or is a name of its own is in `funnet`."""
    korean, _ = PAIRS["top"]
    table = korean[korean.index("| `step_function`") :]
    cells = [re.split(r"(?<!\\)\|", line) for line in table.splitlines()]
    code = [piece for row in cells if len(row) == 4 for piece in re.findall(r"`([^`]+)`", row[2])]
    pattern = r"(?<![\w.\"/])([A-Za-z]\w+)(?=\(|\.init)|^(\w{2,})$"
    names = {a or b for piece in code for a, b in re.findall(pattern, piece)}

    assert len(names) > 20
    assert names - {"replacement"} <= public_names("funnet").keys()
