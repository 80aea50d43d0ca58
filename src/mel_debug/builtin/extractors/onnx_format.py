"""Writing small networks as ONNX files, which OpenVINO and OpenCV read; without the package onnx.

Only what XFeat needs: nodes with one output, float32 weights, integer and text attributes. The
numbers of fields are those of `onnx.proto`, version 8 of the format.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 8, 13
"""Of ONNX 1.10 (2021), which every OpenVINO and OpenCV that is supported reads."""

_FLOAT, _INTS, _STRING = 1, 7, 3  # of TensorProto.DataType and of AttributeProto.AttributeType


@dataclass(slots=True)
class Graph:
    """A network under construction: each method adds a node and returns the name of its output."""

    _nodes: list[bytes] = field(default_factory=list)
    _weights: list[bytes] = field(default_factory=list)

    def weight(self, values: NDArray[np.float32]) -> str:
        """Add constant float32 values."""
        name = f"w{len(self._weights)}"
        data = np.ascontiguousarray(values, dtype="<f4")
        dims = b"".join(_number(1, size) for size in data.shape)
        self._weights.append(dims + _number(2, _FLOAT) + _text(8, name) + _block(9, data.tobytes()))
        return name

    def node(
        self,
        kind: str,
        inputs: Iterable[str],
        attributes: Mapping[str, Sequence[int] | str] | None = None,
    ) -> str:
        """Add a node of an operator; an empty input is left out."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(
            b"".join(_text(1, each) for each in inputs)
            + _text(2, name)
            + _text(3, name)
            + _text(4, kind)
            + b"".join(_block(5, _attribute(*each)) for each in (attributes or {}).items())
        )
        return name

    def encode(self, image: Sequence[int | str], output: str) -> bytes:
        """The file of the network with one input, `x`; numbers and names are its dimensions."""
        graph = (
            b"".join(_block(1, node) for node in self._nodes)
            + _text(2, "graph")
            + b"".join(_block(5, weight) for weight in self._weights)
            + _block(11, _value("x", image))
            + _block(12, _value(output, ("n", 64, "rows", "columns")))
        )
        opset = _number(2, OPSET)
        return _number(1, IR_VERSION) + _block(7, graph) + _block(8, opset)


def _attribute(name: str, value: Sequence[int] | str) -> bytes:
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, _STRING)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, _INTS)


def _value(name: str, dimensions: Sequence[int | str]) -> bytes:
    """A float32 input or output; a dimension that is a name may have any size."""
    shape = b"".join(
        _block(1, _text(2, each) if isinstance(each, str) else _number(1, each))
        for each in dimensions
    )
    tensor = _number(1, _FLOAT) + _block(2, shape)
    return _text(1, name) + _block(2, _block(1, tensor))


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _text(number: int, value: str) -> bytes:
    return _block(number, value.encode())


def _block(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A non-negative number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
