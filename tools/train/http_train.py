#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train `http`: harmless requests, SQL injection, XSS, traversal, commands, and other oddities.

Lives here: the encoder, its training and export. What doesn't: lists, splits and
templates (http_data.py), made-up requests (http_make.py), scores and figures
(http_measure.py).

    tools/train/http_train.py --data DIR --seed 1 -o models/http.onnx --calibration ids.txt --json all.json
    tools/train/http_train.py --data DIR --measure --weights http.pt      of a model that is trained

Requests of the test are read after training only, to be measured; settings, seed
and threshold are chosen by valid requests alone.
"""
import argparse
import json
import math
import time

import numpy as np
import torch
from torch import nn

import dga_onnx
import encoder
import http_data
import http_make
import http_measure
from http_data import CLASSES

TOKENS = 256
SETTINGS = {"embed": 16, "mid": 48, "d": 48, "heads": 2, "hidden": 96, "layers": 1, "dropout": 0.05,
            "steps": 4000, "batch": 160, "rate": 4e-3, "decay": 0.02, "made": 25000}


class Attention(nn.Module):
    """Each row looks at all: there are always as many."""

    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.scale = heads, 1 / math.sqrt(d // heads)
        self.query, self.key = nn.Linear(d, d), nn.Linear(d, d)
        self.value, self.out = nn.Linear(d, d), nn.Linear(d, d)

    def split(self, x):
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x):
        q, k, v = (self.split(f(x)) for f in (self.query, self.key, self.value))
        share = torch.softmax(torch.matmul(q, k.transpose(2, 3)) * self.scale, -1)
        y = torch.matmul(share, v).transpose(1, 2)
        return self.out(y.reshape(x.shape[0], x.shape[1], -1))


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        d = s["d"]
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = Attention(d, s["heads"])
        self.up, self.down = nn.Linear(d, s["hidden"]), nn.Linear(s["hidden"], d)
        self.drop = encoder.Drop(s["dropout"])

    def forward(self, x):
        x = x + self.drop(self.attention(self.norm1(x)))
        return x + self.drop(self.down(torch.relu(self.up(self.norm2(x)))))


class Encoder(nn.Module):
    """Windows [N, 256] of tokens to probabilities [N, 6].

    Each convolution looks at every place and the best of a few neighbours is kept, so
    that a pattern is known wherever it stands; eight bytes become a row in the end.
    """

    def __init__(self, s):
        super().__init__()
        self.embed = nn.Embedding(257, s["embed"])
        self.conv1 = nn.Conv1d(s["embed"], s["mid"], 7, padding=3)
        self.conv2 = nn.Conv1d(s["mid"], s["d"], 5, padding=2)
        self.pool1, self.pool2 = nn.MaxPool1d(4), nn.MaxPool1d(2)
        self.position = nn.Parameter(torch.randn(TOKENS // 8, s["d"]) * 0.02)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s["layers"]))
        self.norm = nn.LayerNorm(s["d"])
        self.drop = encoder.Drop(s["dropout"])
        self.head = nn.Linear(s["d"], len(CLASSES))

    def logits(self, ids):
        x = self.pool1(torch.relu(self.conv1(self.embed(ids).transpose(1, 2))))
        x = self.pool2(torch.relu(self.conv2(x))).transpose(1, 2).contiguous() + self.position
        for block in self.blocks:
            x = block(self.drop(x))
        return self.head(self.norm(x).max(1)[0])

    def forward(self, ids):
        return torch.softmax(self.logits(ids), -1)


def work(s):
    """Multiply-accumulates of a window."""
    n, d = TOKENS // 8, s["d"]
    block = 4 * d * d + 2 * d * s["hidden"] + 2 * n * d
    return TOKENS * 7 * s["embed"] * s["mid"] + 2 * n * 5 * s["mid"] * d + n * s["layers"] * block \
        + d * len(CLASSES)


# ---- training -----------------------------------------------------------

class Pool:
    """Requests of one kind: their windows and classes."""

    def __init__(self, requests, label):
        self.tokens, self.first, self.count = http_measure.windows(requests)
        self.label = np.broadcast_to(np.asarray(label), (len(requests),))

    def draw(self, r, n):
        at = r.integers(len(self.first), size=n)
        rows = np.concatenate([np.arange(self.first[i], self.first[i] + self.count[i]) for i in at])
        return self.tokens[rows], self.count[at], self.label[at]


def pools(sets, s, seed):
    """(share of a batch, pool): CSIC, and made-up sites with values of all kinds."""
    make = http_make.Maker(1000 + seed, sets.text["train"])
    known, csic = sets.payloads.known, sets.csic
    anomalous = csic.anomalous["train"]
    forged = [make.r.choice(csic.normal["train"]) for _ in range(10000)]
    attacks = {c: [make.request(make.r.choice(known[c]["train"]) if make.r.random() < p
                                else getattr(make, c)()) for _ in range(int(s["made"] * n))]
               for c, p, n in (("sqli", 0.3, 0.4), ("xss", 0.12, 0.3), ("traversal", 0.1, 0.15),
                               ("command", 0.05, 0.15))}
    benign = [make.request(make.benign() if make.r.random() < 0.7 else None)
              for _ in range(s["made"])]
    out = [(0.20, Pool(csic.normal["train"], 0)),
           (0.20, Pool(anomalous, http_measure.csic_classes(anomalous))),
           (0.10, Pool(*http_make.forge(forged, make, known))),
           (0.22, Pool(benign, 0))]
    for c, share in (("sqli", 0.11), ("xss", 0.08), ("traversal", 0.045), ("command", 0.045)):
        out.append((share, Pool(attacks[c], CLASSES.index(c))))
    return out


def batch(r, mixture, n):
    parts = [p.draw(r, round(n * share)) for share, p in mixture]
    tokens, count, label = (np.concatenate(x) for x in zip(*parts))
    return torch.from_numpy(tokens.astype(np.int64)), count, torch.from_numpy(label.astype(np.int64))


def worst(z, count):
    """Logits of each request's worst window."""
    odds = (torch.logsumexp(z[:, 1:], 1) - z[:, 0]).detach().numpy()
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    at = first.copy()
    for k in range(1, int(count.max())):
        has = count > k
        other = np.where(has, first + k, first)
        at = np.where(odds[other] > odds[at], other, at)
    return z[torch.from_numpy(at)]


def train(sets, s, seed, start):
    torch.manual_seed(seed)
    net = Encoder(s)
    if start:
        net.load_state_dict(torch.load(start)["net"])
    began = time.time()
    mixture = pools(sets, s, seed)
    print(f"made up {time.time() - began:.0f} s", flush=True)
    r = np.random.default_rng(seed)

    opt = torch.optim.AdamW(net.parameters(), s["rate"], weight_decay=s["decay"])

    def losses():
        tokens, count, label = batch(r, mixture, s["batch"])
        yield nn.functional.cross_entropy(worst(net.logits(tokens), count), label)

    encoder.optimise(net, opt, s, losses, 100)
    return net


# ---- files --------------------------------------------------------------

def export(net, path, seed):
    ids = torch.from_numpy(http_measure.windows([("GET /a?b=c HTTP/1.1", "")])[0].astype(np.int64))
    torch.onnx.export(net, ids, path, opset_version=13, input_names=["ids"], output_names=["probabilities"])
    dga_onnx.describe(path, card(seed))


def card(seed):
    return {"name": "http", "version": "1.0", "license": "GPL-2.0-only", "tokens": "ids",
            "classes": "|".join(CLASSES), "threshold": "0.5",
            "description": "Requests of the web, from request line and body: harmless, attacks of four kinds, "
            "or otherwise unlike what the site of its training is asked.",
            "training": "CSIC 2010 (60 % of its distinct requests), HttpParams, and made-up requests; "
            f"tools/train/http_train.py, seed {seed}.",
            "accuracy": "models/README.md has it: CSIC 2010 82.1 % of anomalous requests at 0.1 % of normal ones; "
            "lists never trained on 82.7 %; libinjection's false positives 7.7 %."}


def calibration(path, sets, seed):
    """Windows of train requests as lines of ids."""
    make = http_make.Maker(500 + seed, sets.text["train"])
    requests = sets.csic.normal["train"][:500] + sets.csic.anomalous["train"][:500]
    for kind, n in (("benign", 600), ("sqli", 200), ("xss", 200), ("traversal", 100), ("command", 100)):
        requests += [make.request(getattr(make, kind)()) for _ in range(n)]
    with open(path, "w", encoding="ascii") as f:
        for row in http_measure.windows(requests)[0]:
            print(*row, file=f)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True, help="folder that holds csic2010, http-payloads, text, loghub, dga")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    p.add_argument("--valid", action="store_true", help="don't look at requests of the test")
    p.add_argument("--weights", help="where to write, or with --measure read, the state_dict")
    p.add_argument("--start", help="weights to go on from")
    p.add_argument("--measure", action="store_true", help="train nothing")
    p.add_argument("--json", help="figures")
    p.add_argument("-o", "--output", help="ONNX file")
    p.add_argument("--calibration", help="file of windows for inkling compile, of requests of the train part")
    a = p.parse_args()
    torch.set_num_threads(1)
    s, seed = encoder.settings(SETTINGS, a.set), a.seed
    sets = http_measure.Sets(a.data)
    began = time.time()
    if a.measure:
        saved = torch.load(a.weights)
        s, seed = saved["settings"], saved["seed"]
        net = Encoder(s).eval()
        net.load_state_dict(saved["net"])
    else:
        net = train(sets, s, seed, a.start)
        if a.weights:
            torch.save({"settings": s, "seed": seed, "net": net.state_dict()}, a.weights)
    http_measure.calibrate(net, sets)
    out = {"settings": s, "seed": seed, "seconds": time.time() - began, "work": work(s)}
    out["valid"] = http_measure.measure(http_measure.scorer(net), sets, "valid")
    http_measure.show("valid", out["valid"])
    if not a.valid:
        out["test"] = http_measure.measure(http_measure.scorer(net), sets, "test")
        http_measure.show("test", out["test"])
    print(f"{work(s)} multiply-accumulates for a window")
    if a.calibration:
        calibration(a.calibration, sets, seed)
    if a.output:
        export(net, a.output, seed)
    if a.json:
        with open(a.json, "w", encoding="ascii") as f:
            json.dump(out, f, indent=1)


if __name__ == "__main__":
    main()
