"""Silero's "sequence" graph → the same network as a few large matrix products.

The graph as published convolves each frame by itself: 258 filters over five places, then layers over four, two and one.
Such products are too narrow for a processor; nine tenths of the time go there, 57 µs a frame. Here the places of all
frames are the rows of one product for each layer. Weights are only reshaped, the LSTM is left as it is, inputs and
outputs have the same names and shapes; sums are added up in another order, so the last bits differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

BINS = 129
"""Frequencies of a window of 256 samples."""

Weights = dict[str, NDArray[np.float32]]


class _Graph:
    """Nodes and constants while they are collected; each result has a name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, outputs: Sequence[str] = (), **attributes: Any) -> str:
        names = list(outputs) or [f"{kind}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def constant(self, values: NDArray[np.float32] | Sequence[int]) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(values) if isinstance(values, np.ndarray) else np.array(values, np.int64)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def slice(self, data: str, start: int, end: int, axis: int) -> str:
        ends = [self.constant([number]) for number in (start, end, axis)]
        return self.add("Slice", data, *ends)

    def layer(self, rows: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """relu(rows · weight + bias): float32 [rows, outputs]."""
        return self.add("Relu", self.add("Gemm", rows, self.constant(weight), self.constant(bias)))

    def reshape(self, data: str, *shape: int) -> str:
        return self.add("Reshape", data, self.constant(shape))


def as_products(published: onnx.ModelProto) -> onnx.ModelProto:
    """Return the same network with the same inputs and outputs."""
    weights = {one.name: numpy_helper.to_array(one) for one in published.graph.initializer}
    graph = _Graph()
    encoded = _encode(graph, _spectrum(graph, weights), weights)
    steps = graph.reshape(encoded, -1, 1, 128)
    lstm = [graph.constant(weights[f"onnx::LSTM_{number}"]) for number in (209, 210, 211)]
    said = graph.add("LSTM", steps, *lstm, "", "h", "c", outputs=("said", "hn", "cn"), hidden_size=128)
    heard = graph.add("Relu", graph.reshape(said, -1, 128))
    out = graph.constant(weights["output.weight"].reshape(128, 1))
    value = graph.add("Sigmoid", graph.add("Gemm", heard, out, graph.constant(weights["output.bias"])))
    graph.add("Reshape", value, graph.constant([-1]), outputs=("speech_probs",))
    state = (1, 1, 128)
    floats = TensorProto.FLOAT
    made = helper.make_graph(
        graph.nodes,
        "silero_vad",
        [
            helper.make_tensor_value_info("input", floats, ("frames", 576)),
            *(helper.make_tensor_value_info(name, floats, state) for name in ("h", "c")),
        ],
        [
            helper.make_tensor_value_info("speech_probs", floats, ("frames",)),
            *(helper.make_tensor_value_info(name, floats, state) for name in ("hn", "cn")),
        ],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _spectrum(graph: _Graph, weights: Weights) -> str:
    """The loudness of each frequency at four places of each frame: float32 [frames · 4, 129]."""
    # Mirrored at the end by 64 samples; four windows of 256 at steps of 128.
    mirrored = graph.add("Pad", "input", graph.constant([0, 0, 0, 64]), mode="reflect")
    windows = [graph.slice(mirrored, at, at + 256, 1) for at in range(0, 512, 128)]
    rows = graph.reshape(graph.add("Concat", *windows, axis=1), -1, 256)
    waves = graph.add("MatMul", rows, graph.constant(weights["stft.forward_basis_buffer"][:, 0].T))
    squares = graph.add("Mul", waves, waves)
    real, imaginary = (graph.slice(squares, at, at + BINS, 1) for at in (0, BINS))
    return graph.add("Sqrt", graph.add("Add", real, imaginary))


def _encode(graph: _Graph, spectrum: str, weights: Weights) -> str:
    """Four layers, each over a place and its neighbours: four places, then two, then one: float32 [frames, 128].

    A place outside of the frame is zeros. Where there is nothing else for a weight to see, it is left out.
    """

    def weight(layer: int, taps: slice = slice(None)) -> NDArray[np.float32]:
        """[outputs, inputs, 3] → [taps · inputs, outputs]."""
        kept = weights[f"encoder.{layer}.weight"][:, :, taps]
        return kept.transpose(2, 1, 0).reshape(-1, kept.shape[0])

    def bias(layer: int) -> NDArray[np.float32]:
        return weights[f"encoder.{layer}.bias"]

    padded = graph.add("Pad", graph.reshape(spectrum, -1, 4, BINS), graph.constant([0, 1, 0, 0, 1, 0]))
    threes = graph.add("Concat", *(graph.slice(padded, at, at + 4, 1) for at in range(3)), axis=2)
    four = graph.layer(graph.reshape(threes, -1, 3 * BINS), weight(0), bias(0))
    before = graph.add("Pad", graph.reshape(four, -1, 4, 128), graph.constant([0, 1, 0, 0, 0, 0]))
    flat = graph.reshape(before, -1, 5 * 128)
    pairs = graph.add("Concat", *(graph.slice(flat, at * 128, (at + 3) * 128, 1) for at in (0, 2)), axis=1)
    two = graph.layer(graph.reshape(pairs, -1, 3 * 128), weight(1), bias(1))
    one = graph.layer(graph.reshape(two, -1, 2 * 64), weight(2, slice(1, 3)), bias(2))
    return graph.layer(one, weight(3, slice(1, 2)), bias(3))
