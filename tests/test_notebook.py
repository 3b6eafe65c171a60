"""The notebook runs, as a program and from a clean kernel, and stores what it shows."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mypy import api
from programs import output_of
from test_typing import needs_typed_numpy

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "tour.ipynb"

needs_jupyter = pytest.mark.skipif(
    not (find_spec("nbconvert") and find_spec("ipykernel")),
    reason="Jupyter is not installed: pip install --group notebook",
)


def code_cells(path: Path) -> list[dict[str, Any]]:  # Any: JSON
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def program() -> str:
    return "\n\n".join("".join(cell["source"]) for cell in code_cells(NOTEBOOK))


def shown(path: Path) -> list[list[tuple[str, list[str]]]]:
    """Return the kinds of the outputs of each cell."""
    return [
        [
            (output["output_type"], sorted(output.get("data", [output.get("name")])))
            for output in cell["outputs"]
        ]
        for cell in code_cells(path)
    ]


def printed(path: Path) -> str:
    """Return what all cells have printed, without progress bars."""
    outputs = (output for cell in code_cells(path) for output in cell["outputs"])
    return "".join("".join(each["text"]) for each in outputs if each.get("name") == "stdout")


def table(path: Path) -> list[str]:
    """Return the one HTML table that the notebook shows."""
    outputs = (output for cell in code_cells(path) for output in cell["outputs"])
    (html,) = (each["data"]["text/html"] for each in outputs if "text/html" in each.get("data", {}))
    return list(html)


def run(folder: Path, *command: str) -> str:
    # In a kernel without ipywidgets, tqdm prints its bar, and warns of that.
    quiet = {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore:IProgress"}
    return output_of(*command, folder=folder, **quiet)


def check(output: str) -> None:
    """Assert that a network was trained well, and loaded as it was saved."""
    (accuracy,) = re.findall(r"^test accuracy: ([\d.]+)%", output, re.MULTILINE)
    assert float(accuracy) > 96
    assert "same fingerprint: True\nsame scores: True\n" in output


def test_its_outputs_are_stored_in_order_and_show_nothing_of_the_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)

    assert len(text) < 300_000
    assert notebook["metadata"].keys() == {"kernelspec", "language_info"}
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    counts = [cell["execution_count"] for cell in code_cells(NOTEBOOK)]
    assert counts == list(range(1, len(counts) + 1))
    assert {kind for cell in shown(NOTEBOOK) for kind, _ in cell} == {
        "stream",
        "display_data",
        "execute_result",
    }
    assert not re.search(r"widget-view|Warning|Traceback|site-packages|/home/|[A-Z]:\\\\", text)
    check(printed(NOTEBOOK))


def test_its_cells_are_a_program(tmp_path: Path) -> None:
    script = tmp_path / "tour.py"
    script.write_text(program(), encoding="utf-8")

    check(run(tmp_path, "-W", "error", str(script)))


@needs_typed_numpy
def test_its_cells_type_check(tmp_path: Path) -> None:
    script = tmp_path / "tour.py"
    script.write_text(program(), encoding="utf-8")

    settings = ["--config-file", str(ROOT / "mypy.ini")]
    # The types of tqdm are not part of the test extra.
    out, _, _ = api.run([*settings, "--disable-error-code=import-untyped", str(script)])

    assert out.startswith("Success")


@needs_jupyter
def test_a_clean_kernel_shows_what_is_stored(tmp_path: Path) -> None:
    copy = tmp_path / NOTEBOOK.name
    copy.write_bytes(NOTEBOOK.read_bytes())
    preprocessor = "nbconvert.preprocessors.CoalesceStreamsPreprocessor"
    options = ["--inplace", f"--NotebookExporter.preprocessors={preprocessor}"]

    run(tmp_path, "-m", "nbconvert", "--execute", "--to=notebook", *options, str(copy))

    assert table(copy) == table(NOTEBOOK)
    assert shown(copy) == shown(NOTEBOOK)
    check(printed(copy))
