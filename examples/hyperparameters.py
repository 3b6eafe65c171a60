"""A random search for the learning rate and the weight decay, in processes.

    python examples/hyperparameters.py

Each run trains the same network on 400 digits of MNIST, or of the 8 x 8 digits if MNIST is not
available, and is judged by 100 other ones, the validation set. The best runs are drawn.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import attrs
import numpy as np
from common import mnist_or_digits, options, print_table
from plots import draw_curves, figure_of, save
from tqdm import tqdm

import funnet as fn


@attrs.frozen
class Config:
    """The configuration of a run."""

    lr: float
    decay: float


Data = tuple[fn.Matrix, fn.Labels]


def run(
    data: tuple[Data, Data], epochs: int, config: Config, seed: np.random.SeedSequence
) -> dict[str, list[float]]:
    """Train a network and return its accuracies in % after each epoch."""
    (x, t), (x_val, t_val) = data
    rng = np.random.default_rng(seed)
    hidden = [fn.sequential(fn.Affine.init(n, 100, rng=rng), fn.ReLU()) for n in (x.shape[1], 100)]
    net = fn.sequential(*hidden, fn.Affine.init(100, 10, rng=rng))
    batches = fn.minibatches(x, t, 100, rng=rng, epochs=epochs)
    optimizer = fn.weight_decay(fn.sgd(config.lr), config.decay)
    states = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)
    scores: dict[str, list[float]] = {"training": [], "validation": []}
    for state in fn.every(states, batches.steps_per_epoch):
        scores["training"].append(100 * fn.accuracy(fn.predict(state.params, x), t))
        scores["validation"].append(100 * fn.accuracy(fn.predict(state.params, x_val), t_val))
    return scores


def main() -> None:
    """Run the search, print and draw the best runs."""
    args = options(__doc__, seed=0, runs=60, epochs=30, processes=os.cpu_count(), data_dir=None)
    (x, t), _ = mnist_or_digits(args.data_dir)
    data = (x[:400], t[:400]), (x[400:500], t[400:500])

    rng = np.random.default_rng(args.seed)
    powers = zip(rng.uniform(-6, 0, args.runs), rng.uniform(-8, -1, args.runs), strict=True)
    configs = [Config(float(10**lr), float(10**decay)) for lr, decay in powers]
    found = []
    with ProcessPoolExecutor(args.processes) as executor:
        search = partial(run, data, args.epochs)
        results = fn.sweep(search, configs, executor=executor, seed=args.seed)
        for result in tqdm(results, total=args.runs, unit=" runs"):
            if result.value is None:
                raise SystemExit(f"{result.config} failed:\n{result.error}")
            found.append((result.config, result.value))
    found.sort(key=lambda pair: -pair[1]["validation"][-1])  # of equal ones the first run

    final = [scores["validation"][-1] for _, scores in found]
    print("the best runs, with their validation accuracies in %:")
    rows = [[config.lr, config.decay, end] for (config, _), end in zip(found, final, strict=True)]
    print_table(["learning rate", "weight decay", "accuracy"], rows[:10])
    print(f"best: {final[0]:.4g}, median: {np.median(final):.4g}")

    figure = figure_of(12, 6)
    left, right = figure.subfigures(1, 2, squeeze=False, wspace=0.04, width_ratios=[5, 7])[0]
    axes = left.subplots()
    points = axes.scatter(*np.transpose(rows)[:2], c=final, edgecolors="black")
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay")
    left.suptitle(f"All {args.runs} runs")
    left.colorbar(points, label="validation accuracy (%)")
    right.suptitle("The best runs: accuracy (%), by learning rate and weight decay")
    panels = right.subplots(3, 4, sharex=True, sharey=True)
    for axes, (config, scores) in zip(panels.flat, found, strict=False):
        curves = {name: (range(1, args.epochs + 1), values) for name, values in scores.items()}
        draw_curves(axes, curves, title=f"{config.lr:.2g}, {config.decay:.1g}", xlabel="epochs")
        axes.set_ylim(0, 105)
        axes.label_outer()
    panels[0, 0].legend(loc="lower right", fontsize="small")
    save(figure, args.out, "hyperparameters.png")


if __name__ == "__main__":
    main()
