"""Programs in processes of their own, which can import the modules of this folder."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def output_of(*arguments: object, folder: Path = FOLDER, **environment: str) -> str:
    """Return what Python with these arguments prints, if it succeeds; there is no display."""
    inherited = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "MPLBACKEND"}}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, env=inherited | environment,
        capture_output=True, check=False, encoding="utf-8", timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(program: str, *arguments: object) -> str:
    """Return what a Python program prints, if it succeeds."""
    return output_of("-c", program, *arguments)


def mpiexec(size: int, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments on several ranks of MPI, or skip the test if there is no MPI."""
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed (dependency group executors)")
    folder = str(Path(sys.executable).parent)  # where packages of MPI have it
    program = shutil.which("mpiexec", path=os.pathsep.join([folder, os.defpath]))
    if program is None:
        pytest.skip("there is no mpiexec")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [program, "-n", str(size), sys.executable, *command],
        check=False, capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
