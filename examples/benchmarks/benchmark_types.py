"""Time of mypy for a file of 200 networks, with the plugin for widths and without it.

    python examples/benchmarks/benchmark_types.py            # a minute on an idle machine
    python examples/benchmarks/benchmark_types.py --quick    # a few seconds, to see that it works

Each round checks the file once with each setting, one after the other, so that the machine is
equally busy for both. The best round counts. The cache contains everything but the file itself.
"""

import subprocess
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from timing import verdict
from tqdm import trange

LIMIT = 1.3
"""Upper limit of the time with the plugin, relative to that without it."""

HEADER = """\
import numpy as np
from funnet import Affine, ReLU, Tanh, sequential

rng = np.random.default_rng(0)
"""


def program(n_networks: int) -> str:
    """Return a program of networks with one to five blocks, a third of them nested."""
    lines = [HEADER]
    for i in range(n_networks):
        widths = [10 + (i + 7 * j) % 90 for j in range(2 + i % 5)]
        layers = []
        for n_in, n_out in pairwise(widths):
            layers += [f"Affine.init({n_in}, {n_out}, rng=rng)", "ReLU()" if i % 2 else "Tanh()"]
        row = f"sequential({', '.join(layers)})"
        if i % 3 == 0:
            row = f"sequential({row}, Affine.init({widths[-1]}, 10, rng=rng))"
        lines.append(f"net{i} = {row}\n")
    return "".join(lines)


def write_settings(folder: Path, name: str, plugin: str) -> Path:
    """Write settings for mypy with their own cache, and return the path."""
    path = folder / f"{name}.ini"
    path.write_text(f"[mypy]\nstrict = True\ncache_dir = {folder / name}\n{plugin}")
    return path


def seconds(settings: Path, networks: Path) -> float:
    """Return the time of one run for a file that is not in the cache."""
    networks.write_text(networks.read_text() + "#")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), str(networks)]
    start = perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  (our own)
    return perf_counter() - start


def main() -> None:
    """Time both settings, and print the ratio and its limit."""
    parser = ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--networks", type=int, default=200, help="number of networks in the file")
    parser.add_argument("--rounds", type=int, default=7, help="number of rounds")
    parser.add_argument("--quick", action="store_true", help="two networks, one round")
    args = parser.parse_args()
    if args.quick:
        args.networks, args.rounds = 2, 1
        print("Two networks and one round only: the ratio is meaningless.")

    with TemporaryDirectory() as name:
        folder = Path(name)
        networks = folder / "networks.py"
        networks.write_text(program(args.networks))
        plain = write_settings(folder, "plain", "")
        plugin = write_settings(folder, "plugin", "plugins = funnet.mypy_plugin\n")
        for settings in (plain, plugin):
            seconds(settings, networks)  # fills the cache
        rounds = [
            (seconds(plain, networks), seconds(plugin, networks))
            for _ in trange(args.rounds, unit=" rounds")
        ]

    without, with_plugin = map(min, zip(*rounds, strict=True))
    ratio = with_plugin / without
    print(f"mypy over {args.networks} networks: {without:.2f} s without the plugin, ", end="")
    print(f"{with_plugin:.2f} s with it: {ratio:.2f} times  {verdict(ratio, LIMIT)}")


if __name__ == "__main__":
    main()
