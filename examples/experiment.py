"""A sweep over learning rates and seeds, in processes, that can be interrupted and goes on.

    python examples/experiment.py

Press Ctrl-C and start it again: runs that are done are read from `out/experiment.jsonl`, and the
one that was interrupted goes on from its checkpoint, to the same bits.
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import attrs
import numpy as np
from common import BLUE, ORANGE, options, positive, save as save_picture
from matplotlib.figure import Figure
from tqdm import tqdm

from funnet import (
    Affine,
    ReLU,
    Result,
    TrainState,
    accuracy,
    every,
    fingerprint,
    load,
    load_digits,
    manifest,
    minibatches,
    momentum,
    predict,
    save,
    sequential,
    softmax_cross_entropy,
    sweep,
    train,
)


@attrs.frozen
class Config:
    """What a run depends on."""

    lr: float
    seed: int
    epochs: int
    folder: str


Score = dict[str, float | str]


def run(config: Config, _: np.random.SeedSequence) -> Score:
    """Train a network, or go on where an earlier call was stopped, and test it.

    The seed is the configuration's own: all learning rates start with the same weights.
    """
    (x, t), (x_test, t_test) = load_digits()
    rng = np.random.default_rng(config.seed)
    net = sequential(Affine.init(64, 50, rng=rng), ReLU(), Affine.init(50, 10, rng=rng))
    batches = minibatches(x, t, 50, rng=rng, epochs=config.epochs)
    optimizer = momentum(config.lr)

    checkpoint = Path(config.folder, f"{fingerprint(config)[:16]}.npz")
    state = TrainState.init(net, optimizer)
    if checkpoint.exists():
        state = load(checkpoint, like=state)
    states = train(state, batches, loss=softmax_cross_entropy, optimizer=optimizer)
    for state in every(states, batches.steps_per_epoch):  # the last one ends an epoch, too
        save(checkpoint, state)

    score = accuracy(predict(state.params, x_test), t_test)
    return {"loss": state.loss, "accuracy": score, "fingerprint": fingerprint(state.params)}


def main() -> None:
    """Run the sweep, print a table, draw it."""
    parser = options(__doc__)
    parser.add_argument("--epochs", type=positive, default=30, help="passes through the digits")
    parser.add_argument("--seeds", type=positive, default=5, help="runs of each learning rate")
    parser.add_argument("--processes", type=positive, default=os.cpu_count(), help="at once")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    folder = args.out / "checkpoints"
    folder.mkdir(exist_ok=True)

    rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
    seeds = range(args.seed, args.seed + args.seeds)
    configs = [Config(lr, seed, args.epochs, str(folder)) for lr in rates for seed in seeds]
    fields = manifest(seed=args.seed, digits=load_digits())
    (args.out / "manifest.json").write_text(json.dumps(fields, indent=2))

    results: list[Result[Config, Score]] = []
    with ProcessPoolExecutor(args.processes) as executor:
        stream = sweep(run, configs, executor=executor, results=args.out / "experiment.jsonl")
        try:
            results.extend(tqdm(stream, total=len(configs), unit=" runs"))
        except KeyboardInterrupt:
            executor.shutdown(cancel_futures=True)
            print("stopped; the same command goes on from here")
            return

    scores: dict[float, list[float]] = defaultdict(list)
    for result in results:
        if result.value is None:
            print(f"{result.config} failed:\n{result.error}")
        else:
            scores[result.config.lr].append(float(result.value["accuracy"]))
    print("learning rate   mean accuracy   lowest   highest")
    for lr, values in scores.items():
        print(f"{lr:13g}   {np.mean(values):13.2%}   {min(values):6.2%}   {max(values):7.2%}")
    draw(scores, args.out)


def draw(scores: Mapping[float, Sequence[float]], folder: Path) -> None:
    """Draw each run as a point, and the means as a line."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for lr, values in scores.items():
        axes.plot([lr] * len(values), values, ".", color=BLUE, alpha=0.6)
    axes.plot(list(scores), [np.mean(values) for values in scores.values()], color=ORANGE)
    axes.set(title="Digits, one point a run", xlabel="learning rate", ylabel="test accuracy")
    axes.set_xscale("log")
    save_picture(figure, folder, "experiment.png")


if __name__ == "__main__":
    main()
