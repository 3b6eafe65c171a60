"""The README's commands, programs and links do what it says."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from mypy import api
from test_typing import needs_typed_numpy

import funnet
from funnet import ShapeError

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Return the language and the text of each block of the README."""
    return BLOCK.findall((ROOT / "README.md").read_text())


def links(text: str) -> list[str]:
    """Return the files and pictures that a page links to, without places within a page."""
    return re.findall(r'(?:\]\(|(?:src|href)=")(?!http)([^)#"]+)', text)


def headings(text: str) -> list[str]:
    """Return the headings of a page as the places that links name."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def test_the_first_blocks_are_the_two_commands() -> None:
    install = "python3 -m venv .venv && .venv/bin/pip install -qe"
    assert blocks()[:2] == [
        ("sh", f'{install} ".[examples]" && .venv/bin/python examples/quickstart.py\n'),
        ("sh", f'{install} ".[test]" && .venv/bin/pytest\n'),
    ]
    assert "sh" not in dict(blocks()[2:])


def test_the_programs_run_in_order_and_print_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    printed = []

    for (language, text), (next_language, output) in pairwise([*blocks(), ("", "")]):
        if language != "python":
            continue
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout):
            if text.startswith("# wide.py"):
                with pytest.raises(ShapeError) as caught:
                    exec(text, names)  # noqa: S102 (our own README)
                assert f"error: {caught.value}  [funnet-width]" in output
            else:
                exec(text, names)  # noqa: S102 (our own README)
                printed.append(stdout.getvalue())
                assert next_language != "text" or printed[-1] == output

    assert float(printed[0]) > 0.96  # the accuracy on the digits


def test_the_networks_in_the_table_can_be_built() -> None:
    code = re.findall(r"`(sequential\([^`]*)`", (ROOT / "README.md").read_text())
    names = vars(funnet) | {"rng": 0, "W": np.ones((2, 1)), "b": np.ones(1)}
    networks = [eval(text, names) for text in code if "..." not in text]  # noqa: S307
    gate, extended, convolutional = networks

    assert funnet.predict(gate, np.ones((4, 2))).shape == (4, 1)
    assert funnet.predict(extended, np.ones((4, 784), np.float32)).shape == (4, 10)
    assert funnet.predict(convolutional, np.ones((4, 1, 28, 28), np.float32)).shape == (4, 10)


@needs_typed_numpy
def test_mypy_reports_the_error_that_is_shown_and_no_other(tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    script.write_text("\n".join(text for language, text in blocks() if language == "python"))
    config = ["--config-file", str(ROOT / "mypy.ini"), "--no-error-summary"]

    out, _, _ = api.run([*config, str(script)])

    (shown,) = (line for _, text in blocks() for line in text.splitlines() if "error: " in line)
    assert [line.partition("error: ")[2] for line in out.splitlines()] == [
        shown.partition("error: ")[2]
    ]


def test_the_page_of_a_package_index_has_no_links_to_files_and_the_same_blocks() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    page = readme
    for each in project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        page = re.sub(each["pattern"], each["replacement"], page)

    assert links(readme)
    assert links(page) == []
    assert BLOCK.findall(page) == BLOCK.findall(readme)


@pytest.mark.skipif(
    not (ROOT / "funnet").is_dir(), reason="the pages link to files that only a checkout has"
)
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "README.ko.md",
        "CONTRIBUTING.md",
        "examples/README.md",
        "examples/README.ko.md",
        "examples/tour.ipynb",
    ],
)
def test_the_files_and_places_that_a_page_links_to_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    here = (ROOT / page).parent
    places = re.findall(r'(?:\]\(|href=")(?!http)([^)#"]*)#([^)"]+)', text)

    assert links(text)
    assert [link for link in links(text) if not (here / link).exists()] == []
    for link, place in places:
        other = (here / link).read_text(encoding="utf-8") if link else text
        assert place in headings(other), (link, place)
