"""Programs in processes of their own, which can import the modules of this folder."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def python(program: str, *arguments: object) -> str:
    """Return what a Python program prints, if it succeeds."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=FOLDER, capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
