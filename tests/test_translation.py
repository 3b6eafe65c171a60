"""The Korean README follows the English one line by line and uses public names only."""

from __future__ import annotations

import re
from pathlib import Path

import funnet

ROOT = Path(__file__).parent.parent
KOREAN = (ROOT / "README.ko.md").read_text(encoding="utf-8")
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w+\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def kinds(text: str) -> list[str]:
    """Return what each line is: empty, prose, or the mark that begins a heading, row or item."""
    return [
        line.split()[0] if re.match(r"#+ |[-|<`]", line) else "prose" * bool(line)
        for line in text.splitlines()
    ]


def links(text: str) -> set[str]:
    return set(re.findall(r"\]\((?!http)([^)]+)\)", text))


def test_both_have_the_same_blocks() -> None:
    assert blocks(KOREAN) == blocks(ENGLISH)


def test_both_have_the_same_kinds_of_lines_in_the_same_order() -> None:
    assert kinds(KOREAN) == kinds(ENGLISH)


def test_both_link_to_the_same_files() -> None:
    assert links(KOREAN) - {"README.md"} == links(ENGLISH) - {"README.ko.md"}


def test_the_names_given_for_those_of_the_textbook_are_public() -> None:
    """In the table's right column, whatever is called or is a name of its own is in `funnet`."""
    table = KOREAN[KOREAN.index("| `step_function`") :]
    cells = [re.split(r"(?<!\\)\|", line) for line in table.splitlines()]
    code = [piece for row in cells if len(row) == 4 for piece in re.findall(r"`([^`]+)`", row[2])]
    pattern = r"(?<![\w.\"/])([A-Za-z]\w+)(?=\(|\.init)|^(\w{2,})$"
    names = {a or b for piece in code for a, b in re.findall(pattern, piece)}

    assert len(names) > 20
    assert names - {"replacement"} <= set(funnet.__all__)
