"""A sweep over learning rates and seeds, in processes, that can be interrupted and resumed.

    python examples/experiment.py

Press Ctrl-C and start it again: finished runs are read from `out/experiment.jsonl`, and interrupted
runs continue from their checkpoints, to the same bits.
"""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import attrs
import numpy as np
from common import options, print_table
from plots import ORANGE, draw_curves, figure_of, save as save_picture
from tqdm import tqdm

import funnet as fn


@attrs.frozen
class Config:
    """The configuration of a run."""

    lr: float
    seed: int
    epochs: int
    folder: str


RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
VALIDATION = 300
"""Number of training images that are held out: the test images select nothing."""


def run(config: Config, _: np.random.SeedSequence) -> dict[str, float | str]:
    """Train a network, from its checkpoint if there is one, and evaluate it.

    The seed is that of the configuration: all learning rates start with the same weights.
    """
    x, t = fn.load_digits()[0]
    rng = np.random.default_rng(config.seed)
    net = fn.sequential(fn.Affine.init(64, 50, rng=rng), fn.ReLU(), fn.Affine.init(50, 10, rng=rng))
    batches = fn.minibatches(x[:-VALIDATION], t[:-VALIDATION], 50, rng=rng, epochs=config.epochs)
    optimizer = fn.momentum(config.lr)

    checkpoint = Path(config.folder, f"{fn.fingerprint(config)[:16]}.npz")
    state = fn.TrainState.init(net, optimizer)
    if checkpoint.exists():
        state = fn.load(checkpoint, like=state)
    states = fn.train(state, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)
    for state in fn.every(states, batches.steps_per_epoch):  # the last state ends an epoch, too
        fn.save(checkpoint, state)

    score = fn.accuracy(fn.predict(state.params, x[-VALIDATION:]), t[-VALIDATION:])
    return {"loss": state.loss, "accuracy": score, "fingerprint": fn.fingerprint(state.params)}


def main() -> None:
    """Run the sweep, print and draw the validation errors."""
    args = options(__doc__, seed=0, seeds=5, epochs=30, processes=os.cpu_count())
    folder = args.out / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    fields = fn.manifest(seed=args.seed, digits=fn.load_digits())
    (args.out / "manifest.json").write_text(json.dumps(fields, indent=2))

    seeds = range(args.seed, args.seed + args.seeds)
    configs = [Config(lr, seed, args.epochs, str(folder)) for lr in RATES for seed in seeds]
    wrong = []
    with ProcessPoolExecutor(args.processes) as executor:
        results = fn.sweep(run, configs, executor=executor, results=args.out / "experiment.jsonl")
        try:
            for result in tqdm(results, total=len(configs), unit=" runs"):
                if result.value is None:
                    raise SystemExit(f"{result.config} failed:\n{result.error}")
                wrong.append(100 - 100 * float(result.value["accuracy"]))
        except KeyboardInterrupt:
            raise SystemExit("interrupted; run the same command to continue") from None

    runs = np.reshape(wrong, (len(RATES), args.seeds))
    means = runs.mean(axis=1)
    table = zip(RATES, means, runs.min(axis=1), runs.max(axis=1), strict=True)
    print("validation error in %:")
    print_table(["learning rate", "mean", "lowest", "highest"], table)
    print(f"results: {args.out / 'experiment.jsonl'}")

    figure = figure_of(7, 4.2)
    axes = figure.subplots()
    axes.plot(RATES, runs, "o", color=ORANGE, zorder=3)[0].set_label("one run")
    draw_curves(
        axes,
        {"mean": (RATES, means)},
        title="Validation error by learning rate",
        xlabel="learning rate",
    )
    axes.set(xscale="log", yscale="log", ylabel="validation error (%)")
    axes.set_yticks([3, 10, 30, 100], ["3", "10", "30", "100"])
    axes.minorticks_off()
    axes.legend()
    save_picture(figure, args.out, "experiment.png")


if __name__ == "__main__":
    main()
