"""The API reference has an entry for every public name, and its links lead to entries."""

from __future__ import annotations

import re
import subprocess
import sys
from os.path import normpath
from pathlib import Path

import pytest
from public_names import MODULES, public_names

pytest.importorskip("pdoc", reason="needs pdoc (dependency group docs)")

BUILD = Path(__file__).parent.parent / ".ci" / "reference" / "build.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, BUILD, folder], check=True)
    return {path.relative_to(folder): path.read_text("utf-8") for path in folder.rglob("*.html")}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry_with_its_docstring(
    module: str, pages: dict[Path, str]
) -> None:
    page = pages[Path(module.replace(".", "/") + ".html")]
    entries = dict(re.findall(r'<section id="([\w.]+)">(.*?)</section>', page, re.DOTALL))
    names = public_names(module)

    assert [name for name in names if 'class="docstring"' not in entries.get(name, "")] == []


def test_links_lead_to_entries(pages: dict[Path, str]) -> None:
    places = {
        (path, name) for path in pages for name in ["", *re.findall(r'id="([^"]+)"', pages[path])]
    }
    links = {
        (Path(normpath(path.parent / target)) if target else path, name)
        for path, page in pages.items()
        for target, name in re.findall(r'<a [^>]*href="(?!http)([^"#$]*)#?([^"$]*)"', page)
    }

    assert len(links) > 300
    assert links - places == set()
