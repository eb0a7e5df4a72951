#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train `wdbc`: benign or malignant from 30 measures of cell nuclei.

Lives here: the data set (breast_cancer.csv of scikit-learn), the splits, the
choice of settings by cross-validation inside one training part, the export.
What doesn't: the front end and the ONNX writer, which are in common.py.

    tools/train/wdbc.py --data DIR -o models/wdbc.onnx
    tools/train/wdbc.py --data DIR --report           20 seeded 70/30 splits
    tools/train/wdbc.py --data DIR --select           how the settings were chosen
    tools/train/wdbc.py --data DIR --split 7 -o m.onnx --calibration c.csv \\
            --test-csv t.csv                          one split for `inkling eval`
"""
import argparse
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from torch import nn

import common

SPLITS = 20
SHIPPED_SPLIT = 0
MEASURES = ("radius texture perimeter area smoothness compactness concavity "
            "concave_points symmetry fractal_dimension").split()
NAMES = [f"{m}_{k}" for k in ("mean", "se", "worst") for m in MEASURES]
CLASSES = ("benign", "malignant")

# Chosen by --select (lowest log loss of the 5-fold cross-validation).
SETTINGS = {"hidden": 8, "decay": 0.3, "dropout": 0.3}
GRID = [{"hidden": h, "decay": w, "dropout": d}
        for h in (8, 16, 32) for w in (0.01, 0.1, 0.3, 1.0) for d in (0.0, 0.3)]


def load(folder):
    """Rows as strings, and 0 benign, 1 malignant."""
    path = folder
    for part in ("uci", "breast_cancer.csv"):
        if not path.endswith(part) and os.path.exists(os.path.join(path, part)):
            path = os.path.join(path, part)
    if not os.path.isfile(path):
        sys.exit(f"{folder}: no breast_cancer.csv in it; give the folder "
                 "that holds it with --data")
    with open(path, encoding="ascii") as f:
        head = f.readline().strip().split(",")
        rows = [line.strip().split(",") for line in f if line.strip()]
    if head[2:] != ["malignant", "benign"] or len(rows) != int(head[0]) or \
            any(len(r) != 31 for r in rows):
        sys.exit(f"{path}: not the breast_cancer.csv of scikit-learn "
                 "(569,30,malignant,benign and 31 columns a row)")
    label = np.array([1 - int(r[30]) for r in rows])
    return [r[:30] for r in rows], label


def decimals_of(rows):
    """Digits after the point that each column carries."""
    return [max(len(r[i].partition(".")[2]) for r in rows) for i in range(30)]


def make_schema(rows, digits):
    """Every feature linear between the extremes of `rows`."""
    value = np.array(rows, float)
    return common.Schema([
        common.Feature(n, "linear", float(value[:, i].min()),
                       float(value[:, i].max()), digits[i])
        for i, n in enumerate(NAMES)])


def fit(x, y, seed, hidden, decay, dropout, epochs=150, rate=5e-3):
    """A one-hidden-layer MLP on standardised inputs; layers for 0..1 inputs."""
    torch.manual_seed(seed)
    mean, std = x.mean(0), x.std(0)
    net = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(),
                        nn.Dropout(dropout), nn.Linear(hidden, 1))
    opt = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    a = torch.tensor((x - mean) / std, dtype=torch.float32)
    b = torch.tensor(y, dtype=torch.float32)
    for epoch in range(epochs):
        for group in opt.param_groups:
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for batch in torch.randperm(len(a)).split(64):
            loss = F.binary_cross_entropy_with_logits(net(a[batch])[:, 0],
                                                      b[batch])
            opt.zero_grad()
            loss.backward()
            opt.step()
    w0, b0, w1, b1 = (p.detach().numpy().astype(np.float64)
                      for p in net.parameters())
    b0 = b0 - (w0 / std) @ mean
    w0 = w0 / std
    # The margin is shared between the two logits.
    return [(w0, b0), (np.vstack([-w1 / 2, w1 / 2]),
                       np.concatenate([-b1 / 2, b1 / 2]))]


def prepare(rows, y, seed):
    """Schema from the training part, inputs in 0..1, of one split."""
    cut = StratifiedShuffleSplit(1, test_size=0.3, random_state=seed)
    tr, te = next(cut.split(np.zeros(len(y)), y))
    schema = make_schema([rows[i] for i in tr], decimals_of(rows))
    unit = schema.unit(schema.expand(rows))
    return schema, unit, tr, te


def margin(logits):
    return logits[:, 1] - logits[:, 0]


def select(rows, y):
    """Cross-validate the grid inside the training part of the shipped split."""
    _, unit, tr, _ = prepare(rows, y, SHIPPED_SPLIT)
    x, t = unit[tr], y[tr]
    best = None
    for setting in GRID:
        hit, loss = [], []
        for rep in range(2):
            folds = StratifiedKFold(5, shuffle=True, random_state=rep)
            for a, b in folds.split(x, t):
                layers = fit(x[a], t[a], rep, **setting)
                z = margin(common.float_logits(layers, np.clip(x[b], 0, 1)))
                hit.append(np.mean((z > 0) == t[b]))
                loss.append(np.mean(np.logaddexp(0, -z * (2 * t[b] - 1))))
        print(f"{setting} accuracy {np.mean(hit):.4f} "
              f"log loss {np.mean(loss):.4f}", flush=True)
        if best is None or np.mean(loss) < best[0]:
            best = np.mean(loss), setting
    print(f"lowest log loss: {best[1]}")


def train_split(rows, y, seed):
    schema, unit, tr, te = prepare(rows, y, seed)
    layers = fit(unit[tr], y[tr], seed, **SETTINGS)
    test = np.clip(unit[te], 0, 1)
    z = margin(common.float_logits(layers, test))
    q = margin(common.int8_logits(layers, test, np.clip(unit[tr], 0, 1)))
    return {"schema": schema, "layers": layers, "train": tr, "test": te,
            "float": float(np.mean((z > 0) == y[te])),
            "int8": float(np.mean((q > 0) == y[te])),
            "auc": common.auc(z[y[te] == 0], z[y[te] == 1])}


def report(rows, y):
    got = [train_split(rows, y, s) for s in range(SPLITS)]
    for s, r in enumerate(got):
        print(f"split {s:2d}: float {r['float']:.4f} int8 estimate "
              f"{r['int8']:.4f} AUC {r['auc']:.4f}")
    f = np.array([r["float"] for r in got])
    q = np.array([r["int8"] for r in got])
    print(f"mean of {SPLITS}: float {f.mean():.4f} int8 estimate "
          f"{q.mean():.4f} (std {f.std():.4f}, lowest {f.min():.4f})")
    return f.mean()


def export(rows, y, args):
    r = train_split(rows, y, args.split)
    if args.output:
        common.write_mlp(args.output, "wdbc", r["schema"], r["layers"], {
            "name": "wdbc", "version": "1.0", "license": "GPL-2.0-only",
            "description": "Benign or malignant breast tumour from 30 measures "
            "of cell nuclei. A demonstration of tabular models; not a medical "
            "device.",
            "classes": "|".join(CLASSES), "head": "classes", "threshold": "0.5",
            "training": "UCI Wisconsin Diagnostic Breast Cancer (569 rows), "
            f"stratified 70/30 split, seed {args.split} for split and "
            f"weights; {SETTINGS['hidden']} hidden units",
            "accuracy": f"float {100 * r['float']:.2f} % on the "
            f"{len(r['test'])} test rows of this split, AUC {r['auc']:.4f}"})
        x = r["schema"].expand([rows[i] for i in r["test"]])
        p = common.run_onnx(args.output, np.clip(x, r["schema"].lo,
                                                 r["schema"].hi))
        hit = np.mean((p[:, 1] >= 0.5) == y[r["test"]])
        print(f"{args.output}: {os.path.getsize(args.output)} bytes, read back: "
              f"accuracy {hit:.4f}, int8 estimate {r['int8']:.4f}")
    for path, part in ((args.calibration, r["train"]),
                       (args.test_csv, r["test"])):
        if path:
            common.write_csv(path, r["schema"], [rows[i] for i in part],
                             {"label": [CLASSES[y[i]] for i in part]})
            print(f"{path}: {len(part)} rows")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data", required=True, metavar="DIR",
                   help="folder with breast_cancer.csv or with uci/ in it")
    p.add_argument("-o", "--output", metavar="FILE", help="ONNX file to write")
    p.add_argument("--split", type=int, default=SHIPPED_SPLIT, metavar="N",
                   help="seed of split and weights (default %(default)s)")
    p.add_argument("--select", action="store_true",
                   help="cross-validate the settings, train nothing else")
    p.add_argument("--report", action="store_true",
                   help=f"accuracy over {SPLITS} splits")
    p.add_argument("--calibration", metavar="FILE",
                   help="write the split's training rows as CSV")
    p.add_argument("--test-csv", metavar="FILE",
                   help="write the split's test rows as CSV")
    args = p.parse_args()
    torch.set_num_threads(1)
    rows, y = load(args.data)
    if args.select:
        select(rows, y)
    if args.report:
        report(rows, y)
    if args.output or args.calibration or args.test_csv:
        export(rows, y, args)
    elif not (args.select or args.report):
        p.error("nothing to do: give -o, --report, --select, --calibration "
                "or --test-csv")


if __name__ == "__main__":
    main()
