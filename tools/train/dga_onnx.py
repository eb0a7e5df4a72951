#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""ONNX files of encoders: their card, and a check of what was written.

Lives here: the model card in the metadata, and a float evaluator in numpy of
the operators that PyTorch 1.13 writes for an encoder, so that a file is tested
without PyTorch. What doesn't: the models.
"""
import math

import numpy as np
import onnx
from onnx import helper, numpy_helper


def describe(path, card):
    """Add the model card, as the keys "inkling.*" of the metadata."""
    model = onnx.load(path)
    helper.set_model_props(model, {f"inkling.{k}": v for k, v in card.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _conv(x, w, b, pads):
    x = np.pad(x, ((0, 0), (0, 0), tuple(pads)))
    n = x.shape[2] - w.shape[2] + 1
    return b[None, :, None] + sum(np.einsum("nct,dc->ndt", x[:, :, i:i + n], w[:, :, i])
                                  for i in range(w.shape[2]))


def _softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _slice(x, starts, ends, axes, steps=None):
    at = [slice(None)] * x.ndim
    for i, axis in enumerate(axes):
        at[axis] = slice(int(starts[i]), int(ends[i]), 1 if steps is None else int(steps[i]))
    return x[tuple(at)]


def _pad(x, by, value=0):
    by = [int(i) for i in by]
    return np.pad(x, list(zip(by[:x.ndim], by[x.ndim:])), constant_values=value)


def _reshape(x, shape):
    return x.reshape([x.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)])


def _unsqueeze(x, axes):
    for axis in sorted(int(i) for i in axes):
        x = np.expand_dims(x, axis)
    return x


TYPES = {onnx.TensorProto.FLOAT: np.float64, onnx.TensorProto.INT64: np.int64,
         onnx.TensorProto.BOOL: np.bool_}
ERF = np.vectorize(math.erf, otypes=[np.float64])
SIMPLE = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Pow": np.power, "Not": np.logical_not,
    "Sqrt": np.sqrt, "Erf": ERF, "Equal": np.equal, "MatMul": np.matmul, "Where": np.where,
    "Mod": np.mod, "Relu": lambda x: np.maximum(x, 0), "Pad": _pad,
    "Shape": lambda x: np.array(x.shape, np.int64), "Reshape": _reshape, "Slice": _slice,
    "Unsqueeze": _unsqueeze, "Expand": lambda x, s: x * np.ones([int(i) for i in s], x.dtype),
}


def _attributes(node):
    out = {}
    for a in node.attribute:
        v = helper.get_attribute_value(a)
        out[a.name] = numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v
    return out


def _node(node, x, a):
    op = node.op_type
    if op in SIMPLE:
        return SIMPLE[op](*x)
    if op == "Constant":
        return _wide(a["value"])
    if op == "ConstantOfShape":
        return np.full([int(i) for i in x[0]], a["value"][0])
    if op == "Div":
        return x[0] // x[1] if x[0].dtype == np.int64 else x[0] / x[1]
    if op == "Gather":
        return np.take(x[0], x[1], axis=a.get("axis", 0))
    if op == "Cast":
        return x[0].astype(TYPES[a["to"]])
    if op == "Concat":
        return np.concatenate(x, axis=a["axis"])
    if op == "Transpose":
        return np.transpose(x[0], a["perm"])
    if op == "Conv":
        return _conv(*x, a["pads"])
    if op == "Softmax":
        return _softmax(x[0], a.get("axis", -1))
    if op == "ReduceMean":
        return x[0].mean(axis=tuple(a["axes"]), keepdims=bool(a.get("keepdims", 1)))
    if op == "ReduceSum":
        return x[0].sum(axis=tuple(int(i) for i in x[1]), keepdims=bool(a.get("keepdims", 1)))
    if op == "Gemm":
        return x[0] @ (x[1].T if a.get("transB") else x[1]) + x[2]
    raise ValueError(f"node {node.name}: {op} isn't expected")


def _wide(value):
    return value.astype(np.float64) if value.dtype == np.float32 else value


class Model:
    """A file's graph in double precision, for one input at a time."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.constant = {t.name: _wide(numpy_helper.to_array(t)) for t in graph.initializer}
        self.nodes = [(n, _attributes(n)) for n in graph.node]
        self.input, self.output = graph.input[0].name, graph.output[0].name

    def __call__(self, ids):
        env = dict(self.constant)
        env[self.input] = ids
        for node, attributes in self.nodes:
            env[node.output[0]] = _node(node, [env[i] for i in node.input if i], attributes)
        return env[self.output]
