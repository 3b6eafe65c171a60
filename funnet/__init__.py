"""Neural networks as immutable values and pure functions, on NumPy.

Layers such as `Affine` and `ReLU` are composed by `sequential`, or all at once by `mlp`. `forward`,
a loss such as `softmax_cross_entropy`, `backward` and `sgd_update` make one step of training;
`train` makes a run, with an optimizer such as `adam` and the batches of `minibatches`. `predict`
and `accuracy` evaluate a network, `save` and `load` keep it.
"""

import typing as _typing
from types import ModuleType as _ModuleType

from funnet.core.arrays import (
    Array as Array,
    Float as Float,
    Images as Images,
    Labels as Labels,
    LabelsLike as LabelsLike,
    Matrix as Matrix,
    RNGLike as RNGLike,
    Shaped as Shaped,
    ShapeT as ShapeT,
    Targets as Targets,
    Vector as Vector,
)
from funnet.core.context import (
    BUFFER as BUFFER,
    WIDE_BUFFER as WIDE_BUFFER,
    Context as Context,
    Statistics as Statistics,
)
from funnet.core.conversion import astype as astype
from funnet.core.describe import describe as describe
from funnet.core.errors import (
    DTypeError as DTypeError,
    LocatedError as LocatedError,
    ShapeError as ShapeError,
    StructureError as StructureError,
)
from funnet.core.layer import (
    Elementwise as Elementwise,
    Layer as Layer,
    OnImages as OnImages,
    OnRows as OnRows,
    SomeLayer as SomeLayer,
    backward as backward,
    forward as forward,
    input_gradient as input_gradient,
    output_shape as output_shape,
    predict as predict,
)
from funnet.core.locks import (
    lock as lock,
    lock_buffer as lock_buffer,
    lock_in_place as lock_in_place,
    lock_matrix as lock_matrix,
    lock_vector as lock_vector,
)
from funnet.core.tree import (
    named_leaves as named_leaves,
    parameter_count as parameter_count,
    reduce_to_constructor as reduce_to_constructor,
    replace_at as replace_at,
    tree_leaves as tree_leaves,
    tree_like as tree_like,
    tree_map as tree_map,
)
from funnet.data import (
    DataError as DataError,
    IDXError as IDXError,
    Minibatches as Minibatches,
    load_digits as load_digits,
    load_mnist as load_mnist,
    minibatches as minibatches,
    one_hot as one_hot,
    read_idx as read_idx,
)
from funnet.experiments.checkpoints import (
    CheckpointError as CheckpointError,
    load as load,
    save as save,
)
from funnet.experiments.fingerprints import fingerprint as fingerprint
from funnet.experiments.manifests import (
    compare_manifests as compare_manifests,
    manifest as manifest,
)
from funnet.experiments.state_dicts import (
    from_state_dict as from_state_dict,
    to_state_dict as to_state_dict,
)
from funnet.experiments.sweeps.results import Result as Result
from funnet.experiments.sweeps.sweep import sweep as sweep
from funnet.functions import (
    identity as identity,
    log_softmax as log_softmax,
    relu as relu,
    sigmoid as sigmoid,
    softmax as softmax,
    step_function as step_function,
    tanh as tanh,
)
from funnet.gradients import (
    GradientError as GradientError,
    GradientReport as GradientReport,
    check_gradients as check_gradients,
    numerical_gradient as numerical_gradient,
)
from funnet.inspection import (
    Summary as Summary,
    SummaryRow as SummaryRow,
    activations as activations,
    summary as summary,
)
from funnet.layers import (
    ELU as ELU,
    Affine as Affine,
    AvgPool2d as AvgPool2d,
    BatchNorm as BatchNorm,
    Conv2d as Conv2d,
    Dropout as Dropout,
    Flatten as Flatten,
    GlobalAvgPool2d as GlobalAvgPool2d,
    Identity as Identity,
    LayerNorm as LayerNorm,
    LeakyReLU as LeakyReLU,
    MaxPool2d as MaxPool2d,
    ReLU as ReLU,
    Sigmoid as Sigmoid,
    Softmax as Softmax,
    Standardize as Standardize,
    Step as Step,
    Tanh as Tanh,
)
from funnet.layers.combinators import (
    Network as Network,
    Sequential as Sequential,
    SequentialCache as SequentialCache,
    sequential as sequential,
)
from funnet.layers.concatenate import (
    Concatenate as Concatenate,
    ConcatenateCache as ConcatenateCache,
    concatenate as concatenate,
)
from funnet.layers.initializers import (
    Initializer as Initializer,
    he as he,
    he_uniform as he_uniform,
    normal as normal,
    xavier as xavier,
    xavier_uniform as xavier_uniform,
    zeros_init as zeros_init,
)
from funnet.layers.mlp import mlp as mlp
from funnet.layers.residual import (
    Residual as Residual,
    ResidualCache as ResidualCache,
    residual as residual,
)
from funnet.losses import (
    class_weights as class_weights,
    huber_loss as huber_loss,
    mean_absolute_error as mean_absolute_error,
    mean_squared_error as mean_squared_error,
    sigmoid_cross_entropy as sigmoid_cross_entropy,
    softmax_cross_entropy as softmax_cross_entropy,
    sum_squared_error as sum_squared_error,
    weighted as weighted,
)
from funnet.metrics import accuracy as accuracy
from funnet.optimizers import (
    Optimizer as Optimizer,
    OptimizerState as OptimizerState,
    adagrad as adagrad,
    adam as adam,
    adamw as adamw,
    clip_by_global_norm as clip_by_global_norm,
    elementwise as elementwise,
    freeze as freeze,
    momentum as momentum,
    nesterov as nesterov,
    rmsprop as rmsprop,
    sgd as sgd,
    sgd_update as sgd_update,
    weight_decay as weight_decay,
)
from funnet.optimizers.schedules import (
    LearningRate as LearningRate,
    Schedule as Schedule,
    constant_lr as constant_lr,
    cosine_lr as cosine_lr,
    exponential_lr as exponential_lr,
    piecewise_lr as piecewise_lr,
    step_lr as step_lr,
)
from funnet.training.modes import (
    inference_mode as inference_mode,
    population_statistics as population_statistics,
    training_mode as training_mode,
    update_statistics as update_statistics,
)
from funnet.training.state import (
    NonFiniteError as NonFiniteError,
    TrainState as TrainState,
)
from funnet.training.steps import (
    BatchGradients as BatchGradients,
    apply_gradients as apply_gradients,
    batch_gradients as batch_gradients,
    combine as combine,
    train_step as train_step,
)
from funnet.training.streams import (
    best_so_far as best_so_far,
    early_stopping as early_stopping,
    every as every,
    last as last,
    moving_average as moving_average,
    scored as scored,
)
from funnet.training.train import train as train

# What `from funnet import *` imports: the names above, without the modules. Type checkers, which
# cannot evaluate this, take the names from the imports.
if not _typing.TYPE_CHECKING:
    __all__ = [
        name
        for name, value in globals().items()
        if not (name.startswith("_") or isinstance(value, _ModuleType))
    ]
