"""Tables: the grapes of wines, and the progress of diabetes.

    python examples/tabular.py

The first layer of the network standardizes the columns. Training stops when the loss of validation
rows no longer falls, and the best network is kept. By 5-fold cross-validation, each row is
predicted by a network that has not seen it. Ridge regression gets the same folds. A network for
wines is saved, loaded and used.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from common import options
from plots import draw_agreement, draw_counts, draw_curves, figure_of, save
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import RidgeCV
from sklearn.metrics import confusion_matrix, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

import funnet as fn

# Any: class numbers (N,), or numbers (N, 1).
Targets = npt.NDArray[Any]
Loss = Callable[[fn.Matrix, Any], tuple[float, fn.Matrix]]
Curves = dict[str, tuple[range, list[float]]]
Rows = npt.NDArray[np.intp]
Folds = Sequence[tuple[Rows, Rows]]


def fit(
    x: fn.Matrix, t: Targets, n_out: int, *, loss: Loss, seed: int
) -> tuple[fn.Network[int, int], Curves]:
    """Return the network with the lowest loss of validation rows, and the losses by epoch."""
    rng = np.random.default_rng(seed)
    held, kept = np.split(rng.permutation(len(x)), [len(x) // 5])
    body = fn.mlp((x.shape[1], 16, n_out), rng=rng, activation=fn.Tanh(), weights=fn.xavier)
    net: fn.Network[int, int] = fn.sequential(fn.Standardize.fit(x[kept]), body)
    batches = fn.minibatches(x[kept], t[kept], 32, rng=rng, epochs=300)
    states = fn.train(net, batches, loss=loss, optimizer=fn.adamw(0.01, weight_decay=0.3))

    def loss_of(net: fn.Network[int, int], rows: Rows) -> float:
        return loss(fn.predict(net, x[rows]), t[rows])[0]

    steps = batches.steps_per_epoch
    scores = fn.scored(states, lambda state: loss_of(state.params, held), every=steps)
    history = list(fn.early_stopping(scores, patience=15))
    best, _ = fn.last(fn.best_so_far(history))
    epochs = range(1, len(history) + 1)
    training = [loss_of(state.params, kept) for state, _ in history]
    validation = [score for _, score in history]
    return best.params, {"training": (epochs, training), "validation": (epochs, validation)}


def cross_validate(
    x: fn.Matrix, t: Targets, n_out: int, folds: Folds, *, loss: Loss, seed: int
) -> tuple[fn.Matrix, fn.Network[int, int], Curves]:
    """Return the output for each row when it is held out; network and losses of the last fold."""
    y: fn.Matrix = np.empty((len(x), n_out), x.dtype)
    fits = [fit(x[rows], t[rows], n_out, loss=loss, seed=seed) for rows, _ in folds]
    for (net, _), (_, held_out) in zip(fits, folds, strict=True):
        y[held_out] = fn.predict(net, x[held_out])
    return y, *fits[-1]


def main() -> None:
    """Predict the rows of both tables, print and draw the results."""
    args = options(__doc__, seed=0)
    args.out.mkdir(parents=True, exist_ok=True)
    split = {"n_splits": 5, "shuffle": True, "random_state": args.seed}
    figure = figure_of(9, 7)
    (left, right), (lower_left, lower_right) = figure.subplots(2, 2)

    x, t = load_wine(return_X_y=True)
    folds = list(StratifiedKFold(**split).split(x, t))
    x = x.astype(np.float32)
    y, net, losses = cross_validate(x, t, 3, folds, loss=fn.softmax_cross_entropy, seed=args.seed)
    print(f"wine: {100 * fn.accuracy(y, t):.1f}% of {len(x)} held-out rows are right")
    draw_curves(left, losses, title="Wine", xlabel="epochs", ylabel="cross-entropy (nats)")
    draw_counts(right, confusion_matrix(t, y.argmax(axis=1)), "grape")

    path = args.out / "wine.npz"
    fn.save(path, net)
    print(f"network: {path}")
    new = folds[-1][1][0]  # a wine that this network has not seen
    p = fn.softmax(fn.predict(fn.load(path, like=net), x[[new]]))[0]
    print(
        f"a new wine, by the saved network: grape {p.argmax()} ({p.max():.1%}), in truth {t[new]}"
    )

    x, t = load_diabetes(return_X_y=True)
    folds = list(KFold(**split).split(x))
    targets = (t[:, np.newaxis] / 100).astype(np.float32)  # (N, 1), near 1
    x = x.astype(np.float32)
    y, _, losses = cross_validate(x, targets, 1, folds, loss=fn.mean_squared_error, seed=args.seed)
    ridge = cross_val_predict(RidgeCV(np.logspace(-3, 3)), x, t, cv=folds)
    print(
        f"diabetes: R² {r2_score(t, 100 * y):.3f}, with ridge regression {r2_score(t, ridge):.3f}"
    )
    draw_curves(
        lower_left, losses, title="Diabetes", xlabel="epochs", ylabel="mean squared error / 10,000"
    )
    draw_agreement(lower_right, t, 100 * y[:, 0], "progress in a year")
    left.legend()
    save(figure, args.out, "tabular.png")


if __name__ == "__main__":
    main()
