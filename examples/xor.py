"""Two layers and backpropagation solve XOR, which one neuron cannot.

    python examples/xor.py

A 2-4-1 network of sigmoids, trained on the four rows from several seeds: what it says, from how
many seeds each answer is within 0.1 of its target, and a picture of what it says in between.
"""

from itertools import repeat
from typing import Literal

import numpy as np
from common import CORNERS, XOR, draw_plane, options, positive, print_table, save, train
from matplotlib.figure import Figure
from tqdm import tqdm

from funnet import (
    Affine,
    Network,
    Sigmoid,
    normal,
    predict,
    sequential,
    sum_squared_error,
)


def scorer(seed: int) -> Network[Literal[2], Literal[1]]:
    """Return a 2-4-1 network without its last sigmoid."""
    rng = np.random.default_rng(seed)
    hidden = Affine.init(2, 4, rng=rng, weights=normal(1), dtype=np.float64)
    last = Affine.init(4, 1, rng=rng, weights=normal(1), dtype=np.float64)
    return sequential(hidden, Sigmoid(), last)


def main() -> None:
    """Train from each seed, print what comes out, draw the first network's answers."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=positive, default=10, help="how many, from --seed on")
    parser.add_argument("--epochs", type=positive, default=10_000, help="passes through the table")
    args = parser.parse_args()

    seeds = range(args.seed, args.seed + args.seeds)
    nets = []
    for seed in tqdm(seeds, unit="seed"):
        net = sequential(scorer(seed), Sigmoid())
        # The mean over four rows, at the rate 3.6: 0.9 for each row.
        nets.append(train(net, repeat((CORNERS, XOR), args.epochs), sum_squared_error, lr=3.6))

    answers = np.hstack([predict(net, CORNERS) for net in nets])
    header = ["seed", *(f"{a:.0f} xor {b:.0f}" for a, b in CORNERS)]
    print_table(header, [[seed, *y.tolist()] for seed, y in zip(seeds, answers.T, strict=True)])
    solved = np.all(np.abs(answers - XOR) < 0.1, axis=0).sum()
    print(f"within 0.1 of the targets: {solved} of {len(seeds)} seeds")

    figure = Figure(figsize=(6.8, 5), layout="constrained")
    axes = figure.subplots()
    surface = draw_plane(axes, nets[0], XOR)
    axes.set_title(f"XOR, learned from seed {args.seed}")
    figure.colorbar(surface, label="the network's answer")
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, args.out, "xor.png")


if __name__ == "__main__":
    main()
