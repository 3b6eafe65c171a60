"""Networks as ONNX models, for other runtimes, and ONNX models as networks.

Needs the extra `onnx`. `to_onnx` and `save_onnx` write networks at rest; `from_onnx` reads models
whose operators form a row.
"""

from funnet.onnx.nodes import OnnxError as OnnxError
from funnet.onnx.reading import from_onnx as from_onnx
from funnet.onnx.writing import Graph as Graph, save_onnx as save_onnx, to_onnx as to_onnx

__all__ = ["Graph", "OnnxError", "from_onnx", "save_onnx", "to_onnx"]
