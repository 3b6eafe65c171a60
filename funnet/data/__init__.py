"""Data sets, the file format of MNIST, one-hot labels and mini-batches."""

from funnet.data.digits import load_digits as load_digits
from funnet.data.idx import IDXError as IDXError, read_idx as read_idx
from funnet.data.labels import one_hot as one_hot
from funnet.data.minibatches import Minibatches as Minibatches, minibatches as minibatches
from funnet.data.mnist import load_mnist as load_mnist
from funnet.data.samples import DataError as DataError

__all__ = [
    "DataError",
    "IDXError",
    "Minibatches",
    "load_digits",
    "load_mnist",
    "minibatches",
    "one_hot",
    "read_idx",
]
