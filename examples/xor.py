"""Two layers and backpropagation solve XOR, which a single neuron cannot.

    python examples/xor.py

A 2-4-1 network of sigmoids is trained on the four rows from several seeds. The script prints the
outputs and for how many seeds all of them are within 0.1 of the targets, and draws the output of
the first network over the plane.
"""

from itertools import repeat
from typing import Literal

import numpy as np
from common import CORNERS, XOR, options, print_table
from plots import draw_plane, figure_of, legend_below, save
from tqdm import tqdm

import funnet as fn


def scorer(seed: int) -> fn.Network[Literal[2], Literal[1]]:
    """Return a 2-4-1 network without its last sigmoid."""
    rng = np.random.default_rng(seed)
    hidden = fn.Affine.init(2, 4, rng=rng, weights=fn.normal(1), dtype=np.float64)
    output = fn.Affine.init(4, 1, rng=rng, weights=fn.normal(1), dtype=np.float64)
    return fn.sequential(hidden, fn.Sigmoid(), output)


def main() -> None:
    """Train from each seed, print the outputs, and draw those of the first network."""
    args = options(__doc__, seed=0, seeds=10, epochs=10_000)

    seeds = range(args.seed, args.seed + args.seeds)
    nets = []
    for seed in tqdm(seeds, unit=" seeds"):
        net = fn.sequential(scorer(seed), fn.Sigmoid())
        rows = repeat((CORNERS, XOR), args.epochs)
        # The loss is the mean of four rows: the rate 3.6 is 0.9 for each row.
        states = fn.train(net, rows, loss=fn.sum_squared_error, optimizer=fn.sgd(lr=3.6))
        nets.append(fn.last(states).params)

    outputs = np.hstack([fn.predict(net, CORNERS) for net in nets])
    header = ["seed", *(f"{a:.0f} xor {b:.0f}" for a, b in CORNERS)]
    print_table(header, [[seed, *y.tolist()] for seed, y in zip(seeds, outputs.T, strict=True)])
    solved = np.all(np.abs(outputs - XOR) < 0.1, axis=0).sum()
    print(f"within 0.1 of the targets: {solved} of {len(seeds)} seeds")

    figure = figure_of(5.6, 5)
    axes = figure.subplots()
    surface = draw_plane(axes, nets[0], XOR)
    axes.set_title(f"XOR network, seed {args.seed}")
    figure.colorbar(surface, label="output")
    legend_below(figure)
    save(figure, args.out, "xor.png")


if __name__ == "__main__":
    main()
