"""How long mypy takes over a file of 200 networks, with the plugin and without it.

Each round type-checks the file once with each setting, one after the other, so that both meet the
same machine. The cache holds everything but the file itself. The figure is the ratio of the best
rounds. Run it as `python examples/benchmark_types.py`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import funnet

HEADER = """\
import numpy as np
from funnet import Affine, ReLU, Tanh, sequential

rng = np.random.default_rng(0)
"""


def program(networks: int) -> str:
    """Return a file of networks of one to five blocks, a third of them nested."""
    lines = [HEADER]
    for i in range(networks):
        widths = [10 + (i + 7 * j) % 90 for j in range(2 + i % 5)]
        layers = []
        for n_in, n_out in pairwise(widths):
            layers += [f"Affine.init({n_in}, {n_out}, rng=rng)", "ReLU()" if i % 2 else "Tanh()"]
        row = f"sequential({', '.join(layers)})"
        if i % 3 == 0:
            row = f"sequential({row}, Affine.init({widths[-1]}, 10, rng=rng))"
        lines.append(f"net{i} = {row}\n")
    return "".join(lines)


def seconds(folder: Path, settings: str) -> float:
    """Return how long one run takes, from a warm cache that doesn't know the file."""
    path = folder / "networks.py"
    path.write_text(path.read_text() + "#")
    start = time.perf_counter()
    command = [sys.executable, "-m", "mypy", "--config-file", settings, str(path)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - start


def main() -> None:
    """Time both settings, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "networks.py").write_text(program(options.networks))
        settings = {"without": "", "with": "plugins = funnet.mypy_plugin\n"}
        times: dict[str, list[float]] = {kind: [] for kind in settings}
        for kind, line in settings.items():
            (folder / f"{kind}.ini").write_text(
                f"[mypy]\nstrict = True\nmypy_path = {Path(funnet.__file__).parents[1]}\n"
                f"cache_dir = {folder / kind}\n{line}"
            )
            seconds(folder, str(folder / f"{kind}.ini"))
        for _ in range(options.rounds):
            for kind in settings:
                times[kind].append(seconds(folder, str(folder / f"{kind}.ini")))
    best = {kind: min(each) for kind, each in times.items()}
    for kind, figure in best.items():
        print(f"{kind:>7} the plugin  {figure:6.2f} s")
    print(f"  ratio             {best['with'] / best['without']:6.2f}")


if __name__ == "__main__":
    main()
