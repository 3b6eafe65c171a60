"""Losses: functions `(scores, t) -> (loss, dscores)`, where `dscores` is dL/dscores.

Cross-entropies take raw scores: the softmax or sigmoid is part of the loss. Value and gradient are
thus accurate to a few units in the last place, even where the probability of the right class rounds
to 1 and the textbook's `log(softmax(x) + 1e-7)` loses all digits.

Parameters
----------
scores
    The network's output, a float array with one row per sample: (N, C) for cross-entropies, any
    rank >= 2 for regression, with at least one sample and one output.
t
    Targets with the shape of the scores and any numeric dtype, or class numbers (N,) of any integer
    dtype where a loss accepts them.
shares
    What each row contributes to the mean, (N,) in float64, as `weighted` passes it. Default: None,
    1 / N each.

Returns
-------
loss
    A float, summed in float64.
dscores
    The gradient, with the shape and dtype of the scores. float16 is computed in float32. Finite
    scores never give NaN or a warning; what is beyond the range of a dtype is infinite.

Raises
------
ShapeError
    If the shapes do not match or the batch is empty.
DTypeError
    If the scores are not floats, the targets have the wrong dtype, or an array is masked.
ValueError
    If a class number is out of range, or the targets of a cross-entropy are not probabilities.
"""

from funnet.losses.cross_entropies import (
    sigmoid_cross_entropy as sigmoid_cross_entropy,
    softmax_cross_entropy as softmax_cross_entropy,
)
from funnet.losses.regression import (
    huber_loss as huber_loss,
    mean_absolute_error as mean_absolute_error,
    mean_squared_error as mean_squared_error,
    sum_squared_error as sum_squared_error,
)
from funnet.losses.weighted import class_weights as class_weights, weighted as weighted
