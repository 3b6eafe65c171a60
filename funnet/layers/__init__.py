"""Layers, one per file, in the order: equation, parameters, cache, forward, pullback.

Examples
--------
>>> import numpy as np
>>> from funnet import ReLU, forward, input_gradient
>>> y, cache = forward(ReLU(), np.array([[-1.0, 2.0]]))
>>> y
array([[0., 2.]])
>>> input_gradient(ReLU(), cache, np.array([[5.0, 6.0]]))
array([[0., 6.]])
"""

from funnet.layers.affine import Affine as Affine
from funnet.layers.avg_pool2d import AvgPool2d as AvgPool2d
from funnet.layers.batch_norm import BatchNorm as BatchNorm
from funnet.layers.conv2d import Conv2d as Conv2d
from funnet.layers.dropout import Dropout as Dropout
from funnet.layers.elu import ELU as ELU
from funnet.layers.flatten import Flatten as Flatten
from funnet.layers.global_avg_pool2d import GlobalAvgPool2d as GlobalAvgPool2d
from funnet.layers.identity import Identity as Identity
from funnet.layers.layer_norm import LayerNorm as LayerNorm
from funnet.layers.leaky_relu import LeakyReLU as LeakyReLU
from funnet.layers.max_pool2d import MaxPool2d as MaxPool2d
from funnet.layers.relu import ReLU as ReLU
from funnet.layers.sigmoid import Sigmoid as Sigmoid
from funnet.layers.softmax import Softmax as Softmax
from funnet.layers.standardize import Standardize as Standardize
from funnet.layers.step import Step as Step
from funnet.layers.tanh import Tanh as Tanh
