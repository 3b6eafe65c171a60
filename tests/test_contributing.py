"""What CONTRIBUTING.md names exists, and a step of training is what it shows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import funnet as fn

ROOT = Path(__file__).parent.parent
FOLDERS = [ROOT / name for name in ("", "funnet", "tests", "examples")]
LINK = re.compile(r"\[`([^`]+)`\]\(([^)]+)\)")

pytestmark = pytest.mark.skipif(
    not (ROOT / "funnet").is_dir(), reason="CONTRIBUTING.md is about a checkout"
)


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def code(page: str) -> list[str]:
    """Return the pieces of code in the text, without those that are links."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", LINK.sub("", text))


def test_a_step_of_training_is_that_of_train(page: str) -> None:
    first, second = fn.Affine.init(4, 5, rng=0), fn.Affine.init(5, 3, rng=1)
    net = fn.sequential(first, fn.BatchNorm.init(5), fn.Dropout(0.5), second)
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    batches, loss, optimizer = (
        fn.minibatches(x, np.arange(40) % 3, 8, rng=1),
        fn.softmax_cross_entropy,
        fn.adam(),
    )
    expected = next(fn.train(net, batches, loss=loss, optimizer=optimizer, seed=7))
    [program] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    names = vars(fn) | {"batches": batches, "k": 0, "net": net, "optimizer": optimizer}
    names["state"] = fn.TrainState.init(net, optimizer)
    exec(program, names)  # noqa: S102 (our own page)

    assert fn.fingerprint(names["state"]) == fn.fingerprint(expected)


def test_a_link_leads_to_the_file_that_it_names(page: str) -> None:
    links = LINK.findall(page)

    assert len(links) > 50
    assert [name for name, target in links if not f"/{target}".endswith(f"/{name}")] == []


def test_the_files_and_folders_that_it_names_exist(code: list[str]) -> None:
    words = {word.removeprefix("--ignore=") for piece in code for word in piece.split()}
    named = {word for word in words if re.fullmatch(r"[\w./]+(/[\w.]*|\.(py|md|ipynb))", word)}

    assert {"layers/", "gradients.py", "tests/mypy_plugin", ".ci/run"} <= named
    assert [name for name in named if not any((at / name).exists() for at in FOLDERS)] == []


def test_the_groups_and_extras_that_it_installs_exist(page: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups, extras = project["dependency-groups"], project["project"]["optional-dependencies"]

    assert set(re.findall(r"--group ([a-z]+)", page)) <= groups.keys()
    assert set(re.findall(r'"\.\[(\w+)\]"', page)) <= extras.keys()


def test_the_names_that_it_explains_are_in_the_sources(code: list[str]) -> None:
    files = {path for at in FOLDERS[1:] for path in at.rglob("*.py")} - {Path(__file__)}
    sources = {word for path in files for word in re.findall(r"\w+", path.read_text("utf-8"))}
    named = {name for piece in code for name in re.findall(r"^[A-Za-z_]\w+(?=$|\()", piece)}

    assert {"_difference", "MAKERS", "with_population"} <= named
    assert named <= sources
