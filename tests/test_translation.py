"""The Korean README shows what the English one shows, and names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import funnet

ROOT = Path(__file__).parent.parent
KOREAN = (ROOT / "README.ko.md").read_text(encoding="utf-8")
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w+\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def test_its_blocks_are_those_of_the_english_one() -> None:
    assert blocks(KOREAN) == blocks(ENGLISH)


def links(text: str) -> set[str]:
    return set(re.findall(r"\]\((?!http)([^)#]+)\)", text))


def test_it_links_to_what_the_english_one_links_to_and_else_to_files_that_there_are() -> None:
    assert links(ENGLISH) - {"README.ko.md"} <= links(KOREAN)
    assert [link for link in links(KOREAN) - links(ENGLISH) if not (ROOT / link).exists()] == []


def test_the_names_that_it_gives_for_the_textbook_s_are_public() -> None:
    """In the table's right column, whatever is called or stands alone is a name of funnet."""
    right = [
        cells[2]
        for line in KOREAN.splitlines()
        if len(cells := re.split(r"(?<!\\)\|", line)) == 4 and "tests/" not in line
    ]
    code = [piece for cell in right for piece in re.findall(r"`([^`]+)`", cell)]
    names = {
        name
        for piece in code
        for name in re.findall(r"(?<![\w.\"/])([A-Za-z]\w+)(?=\(|\.init)|^(\w{2,})$", piece)
        for name in name
        if name
    }

    assert len(names) > 20
    assert names - {"replacement"} <= set(funnet.__all__)
