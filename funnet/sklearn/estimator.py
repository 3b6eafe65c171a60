"""What both estimators share: parameters, the reading of rows, and training."""

# Without `from __future__ import annotations`: attrs copies the annotations of fields to subclasses
# in other modules, where the names of this one mean nothing.
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from statistics import fmean
from typing import Any, Self, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from funnet import (
    Array,
    Float,
    Labels,
    LearningRate,
    Matrix,
    Network,
    Optimizer,
    TrainState,
    Vector,
    adam,
    astype,
    early_stopping,
    minibatches,
    mlp,
    output_shape,
    predict,
    train,
    weight_decay,
    weighted,
)
from funnet.core.checks import check_count, check_flag, check_number
from funnet.core.tree import named_branches
from funnet.training.modes import KeepsStatistics

# Any: class numbers or numbers, with weights or without, and class labels of any kind.
Loss: TypeAlias = Callable[[Matrix, Any], tuple[float, Matrix]]
ClassLabels: TypeAlias = npt.NDArray[Any]
MakeNetwork: TypeAlias = Callable[[int, int, np.random.Generator], Network[int, int]]


@attrs.frozen(eq=False)
class Rows:
    """Rows to train on or to validate with, and the loss without weights."""

    x: Matrix
    t: Array | Labels
    w: Vector | None
    unweighted_loss: Loss

    @property
    def targets(self) -> Any:  # Any: see Loss
        """The targets that `loss` takes: t, or (t, w)."""
        return self.t if self.w is None else (self.t, self.w)

    @property
    def loss(self) -> Loss:
        """The loss of `targets`."""
        return self.unweighted_loss if self.w is None else weighted(self.unweighted_loss)

    def take(self, places: npt.NDArray[np.intp]) -> Self:
        """Return some of the rows."""
        w = None if self.w is None else self.w[places]
        return attrs.evolve(self, x=self.x[places], t=self.t[places], w=w)


@attrs.define(eq=False, repr=False, slots=False, kw_only=True)
class NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """See `funnet.sklearn` for the parameters and attributes."""

    hidden: Sequence[int] = (100,)
    network: MakeNetwork | None = None
    learning_rate: LearningRate = 1e-3
    alpha: float = 0.0
    batch_size: int = 200
    max_iter: int = 200
    tol: float = 1e-4
    n_iter_no_change: int = 10
    early_stopping: bool = False
    validation_fraction: float = 0.1
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None

    network_: Network[int, int] = attrs.field(init=False)
    loss_curve_: list[float] = attrs.field(init=False)
    validation_curve_: list[float] = attrs.field(init=False)
    n_features_in_: int = attrs.field(init=False)

    _seed: int = attrs.field(init=False)
    _dtype: np.dtype[Float] = attrs.field(init=False)
    _made: tuple[int, ...] | None = attrs.field(init=False)  # the widths when training started
    _state: TrainState[Network[int, int]] = attrs.field(init=False)  # after the last epoch

    @property
    def n_iter_(self) -> int:
        """The number of epochs since training started."""
        return len(self.loss_curve_)

    def _check_parameters(self) -> None:
        if not callable(self.learning_rate):
            check_number(self.learning_rate, "learning_rate", 0)
        check_number(self.alpha, "alpha", 0)
        check_number(self.tol, "tol", 0)
        for name in ("batch_size", "max_iter", "n_iter_no_change"):
            check_count(getattr(self, name), name)
        for name in ("early_stopping", "warm_start"):
            check_flag(getattr(self, name), name)
        if not 0 < check_number(self.validation_fraction, "validation_fraction") < 1:
            raise ValueError(
                f"validation_fraction must be > 0 and < 1, got {self.validation_fraction}"
            )
        if self.network is not None:
            if not callable(self.network):
                raise TypeError(
                    "network must be a function (n_in, n_out, rng) that returns a network, or "
                    f"None, got {type(self.network).__name__}"
                )
        elif not isinstance(self.hidden, tuple | list):
            raise TypeError(f"hidden must be a tuple of widths, as (100,), got {self.hidden!r}")
        else:
            for i, width in enumerate(self.hidden):
                check_count(width, f"hidden[{i}]")

    @property
    def _widths(self) -> tuple[int, ...] | None:
        """The widths of the hidden layers, if they are determined by `hidden`."""
        return tuple(self.hidden) if self.network is None else None

    def _read(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None,
        *,
        reset: bool,
    ) -> tuple[Matrix, npt.NDArray[Any], Vector | None]:
        """Return the rows of a positive weight, as arrays; y as it is."""
        self._check_parameters()
        dtype = (np.float64, np.float32) if reset else self._dtype
        several = get_tags(self).target_tags.multi_output
        how = {"y_numeric": is_regressor(self), "multi_output": several}
        x, y = validate_data(self, X, y, reset=reset, dtype=dtype, **how)
        if not isinstance(y, np.ndarray):
            raise TypeError("y must be a dense array; convert it with y.toarray()")
        if sample_weight is None:
            return x, y, None
        w = check_array(
            sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
        )
        if w.shape != (len(x),):
            raise ValueError(f"sample_weight must have shape ({len(x)},), got {w.shape}")
        if w.min() < 0:
            raise ValueError(f"sample_weight must be >= 0, got {w.min()}")
        used = w > 0
        if not used.any():
            raise ValueError("sample_weight must have a number > 0, but all of them are zero")
        return x[used], y[used], w[used]

    def _continues(self) -> bool:
        return bool(self.warm_start) and hasattr(self, "network_")

    def _check_continues(self) -> None:
        if self._widths != self._made:
            raise ValueError(
                "hidden and network must be as when training started; set warm_start=False to "
                "start anew"
            )

    def _optimizer(self) -> Optimizer:
        optimizer = adam(self.learning_rate)
        return weight_decay(optimizer, self.alpha) if self.alpha else optimizer

    def _streams(self) -> list[np.random.SeedSequence]:
        """Return the seeds of the weights, of the order of rows, and of dropout."""
        return np.random.SeedSequence(self._seed).spawn(3)

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _start(self, x: Matrix, n_out: int, seed: int) -> None:
        """Set the state before the first epoch."""
        self._seed = seed
        dtype, n_in, rng = x.dtype.type, x.shape[1], np.random.default_rng(self._streams()[0])
        if self.network is None:
            net: Network[int, int] = mlp((n_in, *self.hidden, n_out), rng=rng, dtype=dtype)
        else:
            net = astype(self.network(n_in, n_out, rng), dtype)
            if not hasattr(net, "forward"):
                raise TypeError(f"network({n_in}, {n_out}, rng) must return a network, got {net!r}")
            shape = output_shape(net, (n_in,))
            if shape != (n_out,):
                raise ValueError(
                    f"network({n_in}, {n_out}, rng) must return a network with {n_out} outputs, "
                    f"got one with outputs of shape {shape}"
                )
        self._dtype, self._made = x.dtype, self._widths
        self._state = TrainState.init(net, self._optimizer())
        self.network_ = net
        self.loss_curve_, self.validation_curve_ = [], []

    def _fit(self, rows: Rows, n_out: int, *, continued: bool) -> Self:
        if continued:
            self._check_continues()
            seed = self._seed
        else:
            # Else an error would leave the network of the last fit, with the classes of this one.
            self.__dict__.pop("network_", None)
            seed = self._new_seed()
        held_out = None
        if self.early_stopping:
            rows, held_out = self._split(rows, seed)
        if not continued:
            self._start(rows.x, n_out, seed)
        epochs = islice(self._epochs(rows, held_out), self.max_iter)
        made = early_stopping(epochs, self.n_iter_no_change, min_delta=self.tol)
        if sum(1 for _ in made) == self.max_iter > self.n_iter_no_change:
            warnings.warn(
                f"training made max_iter={self.max_iter} epochs, and the loss was still improving",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _split(self, rows: Rows, seed: int) -> tuple[Rows, Rows]:
        """Return the rows to train on and those that are held out."""
        try:
            kept, held_out = train_test_split(
                np.arange(len(rows.x)),
                test_size=self.validation_fraction,
                random_state=seed,
                stratify=rows.t if is_classifier(self) else None,
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out {self.validation_fraction} of {len(rows.x)} "
                f"rows (validation_fraction): {error}"
            ) from error
        return rows.take(kept), rows.take(held_out)

    def _partial_fit(self, rows: Rows, n_out: int) -> Self:
        if self.early_stopping:
            raise ValueError("partial_fit holds no rows out; it needs early_stopping=False")
        if hasattr(self, "network_"):
            self._check_continues()
        else:
            self._start(rows.x, n_out, self._new_seed())
        next(self._epochs(rows, None))
        return self

    def _epochs(self, rows: Rows, held_out: Rows | None) -> Iterator[tuple[object, float]]:
        """Make epochs without end; yield the state after each, and its loss or validation loss."""
        _, order, noise = self._streams()
        # A batch norm cannot learn from one row. Which row that is differs from epoch to epoch.
        leaves_one = len(rows.x) > self.batch_size and len(rows.x) % self.batch_size == 1
        drop_last = leaves_one and any(
            isinstance(layer, KeepsStatistics) for _, layer in named_branches(self._state.params)
        )
        batches = minibatches(rows.x, rows.targets, self.batch_size, rng=order, drop_last=drop_last)
        # Counted in epochs, so that calls of partial_fit may have different numbers of rows.
        remaining = batches.from_step(self.n_iter_ * batches.steps_per_epoch)
        optimizer, losses = self._optimizer(), []
        for state in train(self._state, remaining, loss=rows.loss, optimizer=optimizer, seed=noise):
            losses.append(state.loss)
            if len(losses) < batches.steps_per_epoch:
                continue
            loss = score = fmean(losses)
            losses.clear()
            if held_out is not None:
                score, _ = held_out.loss(predict(state.params, held_out.x), held_out.targets)
                self.validation_curve_.append(score)
            if held_out is None or score == min(self.validation_curve_):
                self.network_ = state.params
            self.loss_curve_.append(loss)
            self._state = state
            yield state, score

    def _scores(self, X: npt.ArrayLike) -> Matrix:
        check_is_fitted(self, "network_")
        return predict(self.network_, validate_data(self, X, reset=False, dtype=self._dtype))
