"""scikit-learn estimators: networks for `Pipeline`, `GridSearchCV` and `cross_val_score`.

Importing this module requires scikit-learn: `pip install "funnet[sklearn]"`.

Parameters
----------
hidden
    The widths of the hidden layers of `mlp`, a tuple. Default: (100,).
network
    A function `(n_in, n_out, rng)` that returns a network, for any other architecture; `hidden` is
    then not used. Default: None.
learning_rate
    The learning rate of `adam`, or a schedule. Default: 0.001.
alpha
    The rate of `weight_decay`: alpha / 2 times the sum of the squared weights, without the biases,
    is added to the mean loss. (MLPClassifier divides this by the number of rows.) A warm start
    may change it, but not from or to 0. Default: 0.
batch_size
    The number of rows of a batch, limited to the number of rows. With batch norms, an epoch leaves
    out a single row that remains. Default: 200.
max_iter
    The number of epochs that `fit` makes at most. Default: 200.
tol, n_iter_no_change
    `fit` stops after `n_iter_no_change` epochs in a row in which the loss, or the validation loss
    with `early_stopping`, has not improved by more than `tol`. Default: 0.0001 and 10. A
    ConvergenceWarning tells that `max_iter` came first, unless it is not greater than
    `n_iter_no_change`.
early_stopping
    Whether to hold out rows for validation, for a classifier in proportion to the classes, and to
    keep the network with the lowest validation loss. Default: False.
validation_fraction
    The fraction of rows that is held out. Default: 0.1.
warm_start
    Whether `fit` continues from the last call: the same seed, the next step, the state of the
    optimizer. `hidden` must be the same. Default: False.
random_state
    As everywhere in scikit-learn. One seed is drawn from it when training starts, and determines
    weights, batches and dropout. Default: None.

Attributes
----------
network_
    The trained network, for `predict`, `save` and all other functions of funnet.
loss_curve_
    The mean loss of the batches of each epoch, without the penalty of `alpha`.
validation_curve_
    The validation loss after each epoch; empty without `early_stopping`.
n_iter_
    The number of epochs, of all calls since training started.
n_features_in_, feature_names_in_
    As everywhere in scikit-learn.

Notes
-----
A network is float32 if it is trained with `X` in float32, else float64.

Rows of weight 0 are left out. A weight k has the effect of k equal rows where a batch holds all
rows; otherwise it has that effect on average.

After Ctrl-C, the estimator has the network of the last epoch, and continues with `warm_start`.

Examples
--------
>>> from funnet.sklearn import NetworkClassifier
>>> from sklearn.datasets import load_wine
>>> from sklearn.model_selection import cross_val_score
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> x, t = load_wine(return_X_y=True)
>>> classifier = NetworkClassifier(hidden=(32,), learning_rate=0.01, tol=0.01, random_state=0)
>>> scores = cross_val_score(make_pipeline(StandardScaler(), classifier), x, t, cv=3)
>>> bool(scores.mean() > 0.95)
True
"""

try:
    from funnet.sklearn.classifier import NetworkClassifier as NetworkClassifier
    from funnet.sklearn.regressor import NetworkRegressor as NetworkRegressor
except ImportError as error:
    raise ImportError(
        'funnet.sklearn needs scikit-learn >= 1.6: pip install "funnet[sklearn]"'
    ) from error

__all__ = ["NetworkClassifier", "NetworkRegressor"]
