"""The quickstart, MNIST, the sweep and the benchmarks run and give their known results."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).parent.parent
MNIST = Path(os.environ.get("FUNNET_DATA_DIR") or ROOT.parent / "shared" / "mnist")

needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason=f"MNIST is not in {MNIST}")
Run = Callable[..., str]


def percentage(output: str) -> float:
    (number,) = re.findall(r"^test accuracy: ([\d.]+)%", output, re.MULTILINE)
    return float(number)


def assert_wrote_only(path: Path) -> None:
    """Assert that the test's folder contains one file, a PNG of a reasonable size."""
    (written,) = (file for file in path.parent.parent.rglob("*") if file.is_file())
    header = written.read_bytes()[:24]
    assert written == path
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(header[16:20]) > 800
    assert int.from_bytes(header[20:24]) > 400


def test_the_quickstart_reads_digits_that_it_has_not_seen(run: Run, tmp_path: Path) -> None:
    output = run("quickstart")

    assert percentage(output) >= 96
    assert_wrote_only(tmp_path / "out" / "quickstart.png")


@needs_mnist
def test_mnist_is_learned_in_1000_steps(run: Run, tmp_path: Path) -> None:
    output = run("mnist", "--steps", "1000", "--data-dir", str(MNIST), "--out", "pictures")

    assert percentage(output) >= 91.5
    assert_wrote_only(tmp_path / "pictures" / "mnist.png")


def test_without_mnist_the_digits_are_used(run: Run, tmp_path: Path) -> None:
    output = run("mnist", "--steps", "2000", "--data-dir", str(tmp_path))

    assert output.startswith("data: 8 x 8 digits, since MNIST is not available")
    assert percentage(output) >= 90


def assert_learned_digits(output: str, epochs: int) -> None:
    """Assert that a run on the 8 x 8 digits prints an accuracy for each epoch, and ends well."""
    assert output.startswith("data: 8 x 8 digits, since MNIST is not available")
    accuracies = re.findall(r"^epoch +\d+: ([\d.]+)%$", output, re.MULTILINE)
    assert len(accuracies) == epochs
    assert output.endswith(f"\ntest accuracy: {accuracies[-1]}%\n")
    assert percentage(output) >= 90


@needs_mnist
def test_a_convolutional_network_learns_mnist_in_one_epoch(run: Run, tmp_path: Path) -> None:
    output = run("convnet", "--epochs", "1", "--data-dir", str(MNIST))

    assert percentage(output) >= 97
    assert f"epoch  1: {percentage(output):.2f}%" in output
    assert_wrote_only(tmp_path / "out" / "convnet.png")


def test_a_convolutional_network_learns_the_digits(run: Run, tmp_path: Path) -> None:
    output = run("convnet")

    assert_learned_digits(output, epochs=20)
    assert_wrote_only(tmp_path / "out" / "convnet.png")


def test_a_deep_convolutional_network_reads_as_well_in_float16(run: Run, tmp_path: Path) -> None:
    output = run("deep_convnet", "--epochs", "16")

    assert_learned_digits(output, epochs=16)
    (half,) = re.findall(r"^with weights in float16.*: ([\d.]+)%$", output, re.MULTILINE)
    assert float(half) == pytest.approx(percentage(output), abs=0.4)  # one of 297 digits
    assert_wrote_only(tmp_path / "out" / "deep_convnet.png")


@needs_mnist
def test_backward_is_compared_with_differences_for_each_array(run: Run) -> None:
    arguments = ["--gradient-check", "--hidden", "3", "--steps", "1", "--data-dir", str(MNIST)]

    output = run("mnist", *arguments)

    line = r"^ *(layers\.\S+) +\d+ +(\S+)$"
    differences = dict(re.findall(line, output, re.MULTILINE))
    assert list(differences) == ["layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"]
    assert all(float(difference) < 1e-7 for difference in differences.values())


@needs_mnist
def test_weight_decay_and_dropout_narrow_the_gap_to_the_test_digits(run: Run) -> None:
    output = run("overfitting", "--epochs", "60", "--data-dir", str(MNIST))

    lines = re.findall(
        r"^ *(no remedy|weight decay|dropout).* ([\d.]+) +([\d.]+) +([\d.]+)$", output, re.MULTILINE
    )
    table = {name: (float(training), float(gap)) for name, training, _, gap in lines}
    assert table["no remedy"][0] == 100
    assert max(table["weight decay"][1], table["dropout"][1]) < table["no remedy"][1] - 1


def test_the_benchmark_prints_ratios_and_limits(run: Run) -> None:
    contenders = ["products", "funnet", "train", "numpy"]

    output = run("benchmarks/benchmark", "--quick", "--contenders", *contenders)

    ratios = re.findall(r"^  (\w+) / NumPy .* at most ([\d.]+): ", output, re.MULTILINE)
    assert ratios == [("funnet", "1.05"), ("train", "1.00")] * 4 + [("funnet", "2.00")]
    assert output.count(" with Adam, batch ") == 2
    assert "import funnet: " in output


def test_instructions_are_counted_where_valgrind_is_installed(run: Run) -> None:
    output = run("benchmarks/instructions", "--quick")

    if which("valgrind"):
        assert re.search(r"^whole step +[\d,]+  at most 350000: ", output, re.MULTILINE)
    else:
        assert output == "not counted: callgrind is a part of Valgrind, which is not installed\n"


def test_the_benchmark_of_training_prints_ratios_and_limits(run: Run) -> None:
    output = run("benchmarks/benchmark_training", "--quick")

    lines = re.findall(r"^  (\S.*?) +[\d,.]+ +\d +[\d.]+  at most ([\d.]+): ", output, re.MULTILINE)
    assert lines == [("train", "1.05"), ("next batch", "0.35"), ("train", "1.05")]


@needs_mnist
def test_the_benchmark_of_the_whole_job_prints_times_and_memory(run: Run) -> None:
    output = run("benchmarks/benchmark_job", "--quick", "--data-dir", str(MNIST))

    assert re.search(r"^NumPy by hand +[\d.]+ +1 +\d+ +[\d.]+%$", output, re.MULTILINE)
    assert re.search(r"^time: funnet / NumPy .* at most 1.00: ", output, re.MULTILINE)
    assert re.search(r"^memory: funnet / NumPy .* at most 1.20: ", output, re.MULTILINE)


def test_the_benchmark_of_the_whole_job_says_that_it_needs_mnist(run: Run, tmp_path: Path) -> None:
    output = run("benchmarks/benchmark_job", "--data-dir", str(tmp_path))

    assert output.startswith("skipped: ")


def test_the_benchmark_of_images_prints_ratios_and_limits(run: Run) -> None:
    output = run("benchmarks/benchmark_images", "--quick", "--networks", "SimpleConvNet")

    lines = re.findall(r"^  (funnet.*?) +[\d,.]+ .*?at most ([\d.]+): ", output, re.MULTILINE)
    ratios = [("funnet", "1.00")] if find_spec("torch") else []
    assert lines == [*ratios, ("funnet, beside the textbook", "0.33")]
    assert re.search(r"^memory of a step .*: \d+ MB  at most 150: ", output, re.MULTILINE)


def test_the_benchmark_of_the_estimators_prints_a_ratio_and_its_limit(run: Run) -> None:
    output = run("benchmarks/benchmark_sklearn", "--quick")

    line = r"^  NetworkClassifier +[\d,.]+ +1 +[\d.]+  at most 0.60: "
    assert re.search(line, output, re.MULTILINE)
    assert "data: random numbers of the shape of MNIST" in output


def test_the_benchmark_of_types_prints_a_ratio_and_its_limit(run: Run) -> None:
    output = run("benchmarks/benchmark_types", "--quick")

    assert re.search(r"^mypy over 2 networks: .* times  at most 1.30: ", output, re.MULTILINE)


def test_an_interrupted_sweep_continues_to_the_same_results(run: Run, tmp_path: Path) -> None:
    arguments = ["experiment", "--epochs", "2", "--seeds", "1", "--processes", "2"]
    results = tmp_path / "out" / "experiment.jsonl"

    output = run(*arguments)
    whole = results.read_text()
    checkpoints = [*(tmp_path / "out" / "checkpoints").iterdir()]
    written = [checkpoint.stat().st_mtime_ns for checkpoint in checkpoints]
    results.write_text("".join(whole.splitlines(keepends=True)[:3]))
    again = run(*arguments)

    assert len(re.findall(r"^ +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$", output, re.MULTILINE)) == 7
    assert again == output
    # The runs that were repeated started from the ends of their checkpoints.
    assert len(checkpoints) == 7
    assert [checkpoint.stat().st_mtime_ns for checkpoint in checkpoints] == written
    # The order of the lines is that in which the runs ended.
    assert sorted(results.read_text().splitlines()) == sorted(whole.splitlines())
