#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train `dga`: real domain names, or those of generation algorithms.

Lives here: the encoder, its training and export. What doesn't: lists and splits
(dga_data.py), made-up names (dga_make.py), scores and figures (dga_measure.py).

    tools/train/dga.py --data DIR --fold 0 --json f0.json    families of fold 0 held out
    tools/train/dga.py --data DIR --seed 1 -o models/dga.onnx --json all.json
    tools/train/dga.py --data DIR --measure --weights dga.pt -o models/dga.onnx \
            --calibration c.csv --test-csv t.csv             of a model that is trained

Test names are read after training only, to be measured; settings and seed are
chosen by `merit`, which is made of valid names alone.
"""
import argparse
import copy
import csv
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import dga_data
import dga_make
import dga_onnx
from dga_measure import calibrate, chunks, measure, merit, show, tokens

CLASSES = ("real", "random", "words")
LONGEST = 63			# bytes of a label
MADE = 40000			# made-up names to draw from
SETTINGS = {"embed": 32, "d": 64, "heads": 2, "hidden": 128, "layers": 2, "window": 5,
            "dropout": 0.1, "steps": 1500, "batch": 512, "rate": 3e-3, "decay": 0.05,
            "made": 0.36, "words": 0.28, "drawn": 0.5, "pretrain": 300}


class Drop(nn.Module):
    """Dropout of whole columns of a name, which is much quicker than of single numbers."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or not self.p:
            return x
        return x * ((torch.rand(x.shape[0], 1, x.shape[2]) >= self.p) / (1 - self.p))


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.scale = heads, 1 / math.sqrt(d // heads)
        self.query, self.key = nn.Linear(d, d), nn.Linear(d, d)
        self.value, self.out = nn.Linear(d, d), nn.Linear(d, d)

    def split(self, x):
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, hidden):
        q, k, v = (self.split(f(x)) for f in (self.query, self.key, self.value))
        score = torch.matmul(q, k.transpose(2, 3)) * self.scale
        score = score.masked_fill(hidden, -1e9)
        y = torch.matmul(torch.softmax(score, -1), v).transpose(1, 2)
        return self.out(y.reshape(x.shape[0], x.shape[1], -1))


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        d = s["d"]
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = Attention(d, s["heads"])
        self.up, self.down = nn.Linear(d, s["hidden"]), nn.Linear(s["hidden"], d)
        self.drop = Drop(s["dropout"])

    def forward(self, x, hidden):
        x = x + self.drop(self.attention(self.norm1(x), hidden))
        return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)))))


class Encoder(nn.Module):
    """Token ids [N, T], byte + 1 or 0 for padding, to probabilities [N, 3]."""

    def __init__(self, s):
        super().__init__()
        self.embed = nn.Embedding(257, s["embed"], padding_idx=0)
        self.conv = nn.Conv1d(s["embed"], s["d"], s["window"], padding=s["window"] // 2)
        self.position = nn.Parameter(torch.randn(LONGEST, s["d"]) * 0.02)
        self.drop = Drop(s["dropout"])
        self.blocks = nn.ModuleList(Block(s) for _ in range(s["layers"]))
        self.norm = nn.LayerNorm(s["d"])
        self.head = nn.Linear(s["d"], len(CLASSES))

    def rows(self, ids):
        """What each byte has become, and which are padding."""
        padding = ids == 0
        x = F.gelu(self.conv(self.embed(ids).transpose(1, 2)).transpose(1, 2).contiguous())
        x = self.drop(x + self.position[:ids.shape[1]])
        for block in self.blocks:
            x = block(x, padding[:, None, None, :])
        return self.norm(x), padding

    def logits(self, ids):
        x, padding = self.rows(ids)
        keep = (~padding).to(x.dtype).unsqueeze(-1)
        return self.head((x * keep).sum(1) / keep.sum(1))

    def forward(self, ids):
        return torch.softmax(self.logits(ids), -1)


def work(s, n):
    """Multiply-accumulates for a name of n bytes."""
    d = s["d"]
    row = s["embed"] * s["window"] * d + s["layers"] * (4 * d * d + 2 * d * s["hidden"])
    return n * row + s["layers"] * 2 * n * n * d + d * len(CLASSES)


# ---- training -----------------------------------------------------------

class Mixture:
    """Batches: half real names; the others by kind, each family alike."""

    def __init__(self, names, held, s, seed):
        self.r = np.random.default_rng(seed)
        self.real = np.array(names.of["benign"]["train"])
        def lists(fs):
            return [np.array(names.of[f]["train"]) for f in fs if f not in held]
        # goz and new_goz are one kind of malware with few names: half each.
        self.random = lists(names.character)
        weight = [0.5 if f in ("goz", "new_goz") else 1 for f in names.character if f not in held]
        self.weight = np.array(weight) / sum(weight)
        self.words = lists(names.words)
        self.made = np.array(dga_make.made(MADE, 1000 + seed, drawn=s["drawn"]))
        self.share = s["made"], s["words"]

    def batch(self, n):
        half = n // 2
        made, words = (round(half * x) for x in self.share)
        rest = half - made - words
        names = list(self.r.choice(self.real, half)) + list(self.r.choice(self.made, made))
        for lists, count, weight in ((self.random, rest, self.weight), (self.words, words, None)):
            for f in self.r.choice(len(lists), count, p=weight):
                names.append(lists[f][self.r.integers(len(lists[f]))])
        return names, np.repeat([0, 1, 2], [half, made + rest, words])


def schedule(step, steps):
    """Share of the rate: up over the first twentieth, then down by a cosine."""
    up = max(steps // 20, 1)
    return (step + 1) / up if step < up else \
        0.5 * (1 + math.cos(math.pi * (step - up) / max(steps - up, 1)))


def check_gradient(net, ids):
    """Refuse to train on wrong gradients: F.gelu's are in PyTorch 1.13 where layouts differ."""
    def gradients(net):
        net.zero_grad()
        net.logits(ids)[:, 1].sum().backward()
        return [p.grad.double() for p in net.parameters()]

    drop = [m for m in net.modules() if isinstance(m, Drop)]
    p, net = drop[0].p, net.train()
    for m in drop:
        m.p = 0
    for a, b in zip(gradients(net), gradients(copy.deepcopy(net).double())):
        if not (a - b).abs().max() <= 1e-3 * (1 + b.abs().max()):
            sys.exit("this PyTorch computes wrong gradients")
    for m in drop:
        m.p = p


def optimise(net, parameters, s, steps, loss_of, label):
    opt = torch.optim.AdamW(parameters, s["rate"], weight_decay=s["decay"])
    net.train()
    mean, began = 0.0, time.time()
    for step in range(steps):
        for g in opt.param_groups:
            g["lr"] = s["rate"] * schedule(step, steps)
        opt.zero_grad()
        total = sum(loss_of())
        nn.utils.clip_grad_norm_(parameters, 1.0)
        opt.step()
        mean += (total - mean) / min(step + 1, 50)
        if step % 100 == 99:
            print(f"{label} {step + 1}/{steps} loss {mean:.4f} {time.time() - began:.0f} s",
                  flush=True)


def pretrain(net, names, s, seed):
    """Bytes of real names that are masked are to be guessed."""
    r = np.random.default_rng(seed)
    real = np.array(names.of["benign"]["train"])
    guess = nn.Linear(s["d"], 257)
    mask = 256			# the id of byte 255, which no name has

    def loss_of():
        batch = list(r.choice(real, s["batch"]))
        for at in chunks(batch, s["batch"] // 4):
            ids = tokens([batch[i] for i in at])
            hide = (torch.from_numpy(r.random(ids.shape)) < 0.2) & (ids > 0)
            if not hide.any():
                continue
            rows, _ = net.rows(ids.masked_fill(hide, mask))
            loss = F.cross_entropy(guess(rows[hide]), ids[hide]) / 4
            loss.backward()
            yield loss.item()

    optimise(net, list(net.parameters()) + list(guess.parameters()), s, s["pretrain"],
             loss_of, "pretrain")


def train(names, held, s, seed):
    torch.manual_seed(seed)
    net = Encoder(s)
    check_gradient(net, tokens(names.of["benign"]["train"][:128]))
    if s["pretrain"]:
        pretrain(net, names, s, seed)
    mixture = Mixture(names, held, s, seed)

    def loss_of():
        batch, label = mixture.batch(s["batch"])
        for at in chunks(batch, s["batch"] // 4):
            out = net.logits(tokens([batch[i] for i in at]))
            loss = F.cross_entropy(out, torch.from_numpy(label[at]), reduction="sum") / s["batch"]
            loss.backward()
            yield loss.item()

    optimise(net, list(net.parameters()), s, s["steps"], loss_of, "train")
    return net.eval()


# ---- files --------------------------------------------------------------

def export(net, path, card):
    torch.onnx.export(net, tokens(["inkling-kernel"]), path, opset_version=13,
                      input_names=["ids"], output_names=["probabilities"],
                      dynamic_axes={"ids": {1: "T"}})
    dga_onnx.describe(path, card)
    sample = ["a", "example", "xn--bcher-kva", "kjhqoucnxizdefezeiguontwpn", "z" * LONGEST]
    worst = 0.0
    for name in sample:
        ids = tokens([name])
        for padded in (ids, F.pad(ids, (0, LONGEST - ids.shape[1]))):
            with torch.no_grad():
                want = net(ids).numpy()
            got = dga_onnx.run(path, padded.numpy())
            worst = max(worst, float(np.abs(want - got).max()))
    print(f"{path}: differs from torch by {worst:.1e} at most")
    if not worst < 1e-5:
        sys.exit(f"{path}: isn't what was trained")
    return worst


def write_names(path, names, part, most):
    """CSV of the names of a part, at most so many of each family."""
    if not path:
        return
    with open(path, "w", encoding="ascii", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(("name", "label", "family"))
        for label, families in zip(CLASSES, (["benign"], names.character, names.words)):
            for family in families:
                out.writerows((n, label, family) for n in names.of[family][part][:most])


def settings(pairs):
    s = dict(SETTINGS)
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in s:
            sys.exit(f"{key}: no such setting; there are {', '.join(s)}")
        s[key] = type(s[key])(value)
    return s


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True, help="folder that holds dga/")
    p.add_argument("--fold", type=int, help="hold out the families of this fold")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    p.add_argument("--valid", action="store_true", help="don't look at test names")
    p.add_argument("--weights", help="where to write, or with --measure read, the state_dict")
    p.add_argument("--measure", action="store_true", help="train nothing")
    p.add_argument("--json", help="figures")
    p.add_argument("-o", "--output", help="ONNX file")
    p.add_argument("--calibration", help="CSV of names of the train part: name,label,family")
    p.add_argument("--test-csv", help="the same of all test names")
    a = p.parse_args()
    torch.set_num_threads(1)
    s = settings(a.set)
    names = dga_data.Names(a.data)
    held = dga_data.FOLDS[a.fold] if a.fold is not None else ()
    began = time.time()
    if a.measure:
        saved = torch.load(a.weights)
        s = saved["settings"]
        held = saved["held"]
        net = Encoder(s).eval()
        net.load_state_dict(saved["net"])
    else:
        net = train(names, held, s, a.seed)
        calibrate(net, names.of["benign"]["valid"])
        if a.weights:
            torch.save({"settings": s, "held": held, "net": net.state_dict()}, a.weights)
    out = {"settings": s, "seed": a.seed, "held": held, "seconds": time.time() - began,
           "work of 16 bytes": work(s, 16), "valid": measure(net, names, held, "valid")}
    out["merit"] = merit(out["valid"])
    show("valid", out["valid"])
    if not a.valid:
        out["test"] = measure(net, names, held, "test")
        show("test", out["test"])
    print(f"merit {out['merit']:.4f}, {work(s, 16)} multiply-accumulates for 16 bytes")
    write_names(a.calibration, names, "train", 200)
    write_names(a.test_csv, names, "test", None)
    if a.output:
        out["parity"] = export(net, a.output, card(a.seed))
    if a.json:
        with open(a.json, "w", encoding="ascii") as f:
            json.dump(out, f, indent=1)


def card(seed):
    return {"name": "dga", "version": "1.0", "license": "GPL-2.0-only",
            "classes": ",".join(CLASSES), "threshold": "0.5",
            "description": "Real domain names, or those of generation algorithms, from the bytes "
            "of the registrable label alone.",
            "training": f"Lists of dga/, 70 % of the labels by hash; made-up families; seed {seed}."}


if __name__ == "__main__":
    main()
