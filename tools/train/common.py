#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the training scripts share.

Lives here: the feature schema and the integer front end that the engine runs
before a network (op QUANT), a writer of plain ONNX files with the model card
in their metadata, a float evaluator of such files, an estimate of what int8
costs, CSV files for `inkling compile` and `inkling eval`, and measures.
What doesn't: data sets and training loops; each model's script has its own.
"""
import csv
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEVELS = 255		# steps of an 8-bit input between lo and hi


class Feature:
    """One raw input column.

    kind is linear, log2 or onehot; lo and hi are in real units, the raw
    integer is the value times 10^decimals; cats are the names of a onehot.
    """

    def __init__(self, name, kind, lo=0, hi=1, decimals=0, cats=()):
        if kind not in ("linear", "log2", "onehot"):
            raise ValueError(f"feature {name}: unknown kind {kind}")
        if kind != "onehot" and not lo < hi:
            raise ValueError(f"feature {name}: lo {lo} isn't below hi {hi}")
        self.name, self.kind = name, kind
        self.lo, self.hi, self.decimals = lo, hi, decimals
        self.cats = list(cats)

    @property
    def width(self):
        return len(self.cats) if self.kind == "onehot" else 1

    def raw(self, column):
        """The 32-bit integers the engine is fed with, from CSV fields."""
        if self.kind == "onehot":
            index = {c: i for i, c in enumerate(self.cats)}
            return np.array([index.get(v, -1) for v in column], np.int64)
        scale = 10 ** self.decimals
        raw = np.rint(np.asarray(column, np.float64) * scale)
        return np.clip(raw, -2**31, 2**31 - 1).astype(np.int64)

    def expand(self, raw):
        """What the ONNX graph gets: real values, octaves, or 0 and 1."""
        if self.kind == "onehot":
            eye = np.arange(self.width)
            return (raw[:, None] == eye[None, :]).astype(np.float32)
        scale = 10 ** self.decimals
        lo, hi = round(self.lo * scale), round(self.hi * scale)
        u = np.clip(raw, lo, hi)
        if self.kind == "linear":
            return (u / scale).astype(np.float32)[:, None]
        return (log2_q16(u - lo + 1) / 65536).astype(np.float32)[:, None]

    def span(self):
        """Lowest and highest value that expand() can give."""
        if self.kind == "onehot":
            return 0.0, 1.0
        if self.kind == "linear":
            return float(self.lo), float(self.hi)
        scale = 10 ** self.decimals
        top = round(self.hi * scale) - round(self.lo * scale) + 1
        return 0.0, float(log2_q16(np.array([top]))[0] / 65536)

    def line(self):
        """Its line in the metadata key inkling.schema."""
        if self.kind == "onehot":
            return f"{self.name} onehot cats={'|'.join(self.cats)}"
        d = self.decimals
        dec = f" decimals={d}" if d else ""
        return f"{self.name} {self.kind}{dec} lo={self.lo:.{d}f} " \
            f"hi={self.hi:.{d}f}"


def log2_q16(v):
    """Piecewise linear log2 of integers >= 1 in 16.16, as QUANT does it."""
    v = np.asarray(v, np.int64)
    e = np.floor(np.log2(v.astype(np.float64))).astype(np.int64)
    e = np.where((np.int64(1) << e) > v, e - 1, e)
    m = v - (np.int64(1) << e)
    return (e << 16) + ((m << 16) >> e)


class Schema:
    """The columns of a model in order."""

    def __init__(self, features):
        self.features = features
        self.width = sum(f.width for f in features)
        self.owner = np.concatenate([np.full(f.width, i)
                                     for i, f in enumerate(features)])
        spans = [f.span() for f in features]
        self.lo = np.array([spans[i][0] for i in self.owner], np.float32)
        self.hi = np.array([spans[i][1] for i in self.owner], np.float32)

    def expand(self, rows):
        """[N, width] float32 from CSV rows (lists of strings or numbers)."""
        cols = list(zip(*rows))
        return np.concatenate([f.expand(f.raw(cols[i]))
                               for i, f in enumerate(self.features)], axis=1)

    def unit(self, x):
        """Expanded inputs scaled to 0..1 between lo and hi."""
        return (x - self.lo) / (self.hi - self.lo)

    def text(self):
        return "\n".join(f.line() for f in self.features)


# ---- measures -----------------------------------------------------------

def auc(negative, positive):
    """Area under the ROC curve, ties counted half."""
    if len(negative) == 0 or len(positive) == 0:
        return math.nan
    both = np.concatenate([negative, positive])
    _, inverse, counts = np.unique(both, return_inverse=True,
                                   return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    pos = rank[inverse[len(negative):]].sum()
    n, p = len(negative), len(positive)
    return float((pos - p * (p + 1) / 2) / (n * p))


def threshold_at(negative, far):
    """Lowest score that at most a share `far` of the harmless rows reaches."""
    s = np.sort(np.asarray(negative))[::-1]
    k = int(math.floor(far * len(s)))
    if k >= len(s):
        return float(s[-1])
    lower = s[k]
    above = s[s > lower]
    return float((lower + above[-1]) / 2) if len(above) else \
        float(np.nextafter(lower, np.inf))


def wilson(k, n, z=1.959964):
    """Interval of 95 % for a share, of k of n."""
    if not n:
        return [math.nan, math.nan]
    p, m = k / n, 1 + z * z / n
    w = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(p + z * z / (2 * n) - w) / m, (p + z * z / (2 * n) + w) / m]


# ---- int8 estimate ------------------------------------------------------

def quant_input(x01):
    """Round inputs in 0..1 to the 256 levels of the front end."""
    return np.rint(np.clip(x01, 0, 1) * LEVELS) / LEVELS


def quant_weight(w):
    """Per output channel (row), symmetric, -127..127."""
    s = np.abs(w).max(axis=1, keepdims=True) / 127
    s[s == 0] = 1
    return np.clip(np.rint(w / s), -127, 127) * s


def quant_act(y, lo, hi):
    """Asymmetric int8 between lo and hi, which contain 0."""
    s = (hi - lo) / 255 or 1.0
    z = np.rint(-lo / s)
    return (np.clip(np.rint(y / s) + z, 0, 255) - z) * s


def int8_logits(layers, x01, calibration01):
    """Logits of a ReLU MLP as int8 would give them; an estimate only.

    layers: list of (W [out, in], b). The last layer keeps its full sum.
    """
    q, c = quant_input(x01), quant_input(calibration01)
    for i, (w, b) in enumerate(layers):
        wq = quant_weight(w)
        q, c = q @ wq.T + b, c @ wq.T + b
        if i + 1 < len(layers):
            q, c = np.maximum(q, 0), np.maximum(c, 0)
            top = float(c.max())
            q, c = quant_act(q, 0.0, top), quant_act(c, 0.0, top)
    return q


def float_logits(layers, x01):
    for i, (w, b) in enumerate(layers):
        x01 = x01 @ w.T + b
        if i + 1 < len(layers):
            x01 = np.maximum(x01, 0)
    return x01


# ---- ONNX ---------------------------------------------------------------

def write_mlp(path, name, schema, layers, card):
    """Sub, Div (scaling to 0..1), then Gemm + Relu layers and a Softmax.

    card: dict of metadata keys without the prefix "inkling.".
    """
    nodes, inits = [], []

    def const(cname, value):
        inits.append(numpy_helper.from_array(
            np.ascontiguousarray(value, np.float32), cname))
        return cname

    const("lo", schema.lo)
    const("span", schema.hi - schema.lo)
    nodes.append(helper.make_node("Sub", ["features", "lo"], ["shifted"],
                                  "shift"))
    nodes.append(helper.make_node("Div", ["shifted", "span"], ["scaled"],
                                  "scale"))
    x = "scaled"
    for i, (w, b) in enumerate(layers):
        const(f"w{i}", w)
        const(f"b{i}", b)
        last = i + 1 == len(layers)
        out = "logits" if last else f"sum{i}"
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [out],
                                      f"dense{i}", transB=1))
        x = out
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"act{i}"],
                                          f"relu{i}"))
            x = f"act{i}"
    nodes.append(helper.make_node("Softmax", [x], ["probabilities"],
                                  "softmax", axis=1))
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT,
                                       ["N", schema.width])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT,
                                       ["N", len(layers[-1][1])])],
        inits)
    model = helper.make_model(graph, producer_name="inkling tools/train",
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    meta = {"inkling.schema": schema.text()}
    meta.update({f"inkling.{k}": str(v) for k, v in card.items()})
    helper.set_model_props(model, meta)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def run_onnx(path, x):
    """Float result of a file that write_mlp() made, read back from disk."""
    model = onnx.load(path)
    env = {t.name: numpy_helper.to_array(t).astype(np.float64)
           for t in model.graph.initializer}
    env[model.graph.input[0].name] = np.asarray(x, np.float64)
    for n in model.graph.node:
        a = [env[i] for i in n.input]
        if n.op_type == "Sub":
            y = a[0] - a[1]
        elif n.op_type == "Div":
            y = a[0] / a[1]
        elif n.op_type == "Gemm":
            y = a[0] @ a[1].T + a[2]
        elif n.op_type == "Relu":
            y = np.maximum(a[0], 0)
        elif n.op_type == "Softmax":
            e = np.exp(a[0] - a[0].max(axis=1, keepdims=True))
            y = e / e.sum(axis=1, keepdims=True)
        else:
            raise ValueError(f"node {n.name}: {n.op_type} isn't expected")
        env[n.output[0]] = y
    return env[model.graph.output[0].name]


# ---- CSV ----------------------------------------------------------------

def write_csv(path, schema, rows, columns):
    """Raw features with a header, then extra columns (dict name: values)."""
    with open(path, "w", newline="", encoding="ascii") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow([x.name for x in schema.features] + list(columns))
        extra = list(zip(*columns.values()))
        for row, e in zip(rows, extra):
            w.writerow(list(row) + list(e))
