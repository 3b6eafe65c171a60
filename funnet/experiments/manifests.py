"""What the results of a run depend on: versions, the BLAS library, the processor, seed and data."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Mapping

import numpy as np

from funnet.experiments.fingerprints import fingerprint


def manifest(*, seed: int | None = None, **data: object) -> dict[str, str]:
    """Return what the results of a run depend on, to be stored beside them as JSON.

    `data` are the inputs of the run (arrays, a configuration, the initial network), of which the
    manifest contains fingerprints. What the system does not tell is "unknown".

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import manifest
    >>> fields = manifest(seed=7, x_train=np.zeros(3))
    >>> fields["seed"], fields["data.x_train"][:16]
    ('7', '72e8f1cd32ae334d')
    """
    config = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    simd = config.get("SIMD Extensions", {})
    fields = {
        "funnet": _version(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}, {sys.byteorder}-endian",
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "blas.architecture": _openblas("get_corename", ctypes.c_char_p),
        "blas.threads": _openblas("get_num_threads", ctypes.c_int),
        "cpu.features": " ".join([*simd.get("baseline", []), *simd.get("found", [])]) or "unknown",
        "seed": str(seed),
    }
    return fields | {f"data.{name}": fingerprint(value) for name, value in data.items()}


def compare_manifests(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the fields in which two manifests differ, with both values or "missing".

    Examples
    --------
    >>> from funnet import compare_manifests
    >>> compare_manifests({"numpy": "2.0.0", "seed": "1"}, {"numpy": "2.1.0", "seed": "1"})
    {'numpy': ('2.0.0', '2.1.0')}
    """
    pairs = {name: (a.get(name, "missing"), b.get(name, "missing")) for name in {**a, **b}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("funnet")
    except PackageNotFoundError:  # run from source, not installed
        return "unknown"


def _openblas(function: str, result: type[ctypes.c_char_p | ctypes.c_int]) -> str:
    """Call a function of the OpenBLAS in use, which chooses its kernels at run time."""
    try:
        library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]  # noqa: SLF001
    except (AttributeError, OSError):
        return "unknown"
    # NumPy's own wheels prefix the names, and mark 64-bit integers.
    for name in (
        f"scipy_openblas_{function}64_",
        f"openblas_{function}64_",
        f"openblas_{function}",
    ):
        call = getattr(library, name, None)
        if call is not None:
            call.restype = result
            value = call()
            return value.decode() if isinstance(value, bytes) else str(value)
    return "unknown"
