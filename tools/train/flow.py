#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train the flow model: harmless, scan or flood, from rows of `inkling features`.

    tools/train/flow.py TRAIN.csv --valid VALID.csv [--test TEST.csv] -o flow.onnx

Each row is one scored vector; flows are told apart by the identity columns. TRAIN fits the weights, VALID
chooses epoch, seed and threshold, TEST only has its figures printed. The CSVs come from different runs with
different tools and rates (tests/traffic). A flow counts as flagged when any of its rows is.
"""
import argparse
import csv
import sys

import numpy as np
import torch
from torch import nn

from common import Feature, Schema, auc, write_mlp

CLASSES = ["benign", "scan", "flood"]
IDENTITY = ["remote", "remote_port", "local", "local_port", "proto"]
STARTS = ["syn", "reply", "mid", "closing", "odd", "udp", "echo", "icmp-error", "icmp", "fragment", "other"]
# Times and rates depend on the machine's speed, so training shifts them at random by whole octaves.
# What a service has been through says nothing of the flow at hand: benign ones come during floods, too.
SERVICE = ["dst_rate", "dst_half_open", "dst_half_share"]
SPEED = {"duration_us": 1, "gap_us": 1, "src_age_ms": 1, "src_rate": -1, "dst_rate": -1}


def log2(name, hi):
    return Feature(name, "log2", 0, hi)


def schema():
    """As bpf/flow/flow_schema.h; the compiler of models refuses what differs."""
    share = {"decimals": 3}
    return Schema([
        Feature("start", "onehot", cats=STARTS),
        log2("packets", 65535), log2("duration_us", 2**30), log2("gap_us", 2**28),
        log2("payload_bytes", 2**24), log2("payload_packets", 65535),
        Feature("established", "linear", 0, 1), log2("syns", 255), log2("closes", 255), log2("odd", 255),
        log2("src_age_ms", 2**24), log2("src_rate", 65535), log2("src_flows", 65535),
        log2("src_ports", 1023), log2("src_hosts", 1023), log2("src_half_open", 65535),
        Feature("src_half_share", "linear", 0, 1, **share), log2("src_silent", 65535),
        Feature("src_silent_share", "linear", 0, 1, **share), log2("src_spoke", 65535),
        log2("src_resets", 65535), log2("dst_rate", 65535), log2("dst_half_open", 65535),
        Feature("dst_half_share", "linear", 0, 1, **share),
    ])


def read(path, sch):
    """Rows' inputs, classes and flow numbers."""
    names = [f.name for f in sch.features]
    rows, labels, flows, ids = [], [], [], {}
    with open(path, newline="", encoding="ascii") as f:
        reader = csv.DictReader(f)
        missing = set(names + IDENTITY + ["label"]) - set(reader.fieldnames or [])
        if missing:
            sys.exit(f"{path}: no column {', '.join(sorted(missing))}; make it with 'inkling features --labels'")
        for r in reader:
            if r["label"] not in CLASSES:
                continue
            rows.append([r[n] for n in names])
            labels.append(CLASSES.index(r["label"]))
            flows.append(ids.setdefault(tuple(r[n] for n in IDENTITY), len(ids)))
    if not rows:
        sys.exit(f"{path}: no row is labelled {', '.join(CLASSES)}")
    return sch.unit(sch.expand(rows)).astype(np.float32), np.array(labels), np.array(flows)


def jitter(x, rng, sch):
    """Another machine's speed, and a service of another row's history."""
    x = x.copy()
    other = rng.permutation(len(x))
    start = np.cumsum([0] + [f.width for f in sch.features])
    octaves = rng.uniform(-2.5, 2.5, len(x))
    for i, f in enumerate(sch.features):
        if f.name in SPEED:
            col = x[:, start[i]]
            moved = col + np.where(col > 0, octaves * SPEED[f.name] / (sch.hi[start[i]] - sch.lo[start[i]]), 0)
            x[:, start[i]] = np.clip(moved, 0, 1)
        if f.name in SERVICE:
            x[:, start[i]] = x[other, start[i]]
    return x


def layers_of(net):
    return [(m.weight.detach().numpy().astype(np.float64), m.bias.detach().numpy().astype(np.float64))
            for m in net if isinstance(m, nn.Linear)]


def scores(net, x):
    with torch.no_grad():
        return 1 - torch.softmax(net(torch.from_numpy(x)), 1)[:, 0].double().numpy()


def by_flow(score, y, flows):
    """Worst score of each flow, and its class."""
    worst = np.zeros(flows.max() + 1)
    np.maximum.at(worst, flows, score)
    klass = np.zeros(flows.max() + 1, int)
    klass[flows] = y
    return worst, klass


def report(title, score, y, flows, threshold):
    worst, klass = by_flow(score, y, flows)
    out = [f"{title}: AUC of flows {auc(worst[klass == 0], worst[klass > 0]):.4f}"]
    for i, name in enumerate(CLASSES):
        n = int((klass == i).sum())
        flagged = int((worst[klass == i] >= threshold).sum())
        out.append(f"{name} {flagged} of {n} flagged ({100 * flagged / max(n, 1):.2f} %)")
    print("; ".join(out))


def choose_threshold(score, y, flows, far):
    """Half-way (in logits) between the harmless flows and the point where 1 % of the bad ones would be lost."""
    worst, klass = by_flow(score, y, flows)
    logit = np.log(np.clip(worst, 1e-9, 1 - 1e-9) / (1 - np.clip(worst, 1e-9, 1 - 1e-9)))
    good, bad = np.sort(logit[klass == 0]), np.sort(logit[klass > 0])
    low = good[min(len(good) - 1, int(np.ceil((1 - far) * len(good))))]
    high = bad[int(0.01 * len(bad))]
    mid = low + (high - low) / 2 if high > low else low + 1e-3
    return float(1 / (1 + np.exp(-mid)))


def fit(seed, train, valid, sch, epochs):
    """Return: the net of the best epoch and its validation loss."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y, flows = train
    # Each class weighs the same, and within a class each source's behaviour as a row does.
    weight = torch.tensor(len(y) / np.bincount(y, minlength=3) / 3, dtype=torch.float32)
    loss_of = nn.CrossEntropyLoss(weight, label_smoothing=0.02)
    net = nn.Sequential(nn.Linear(sch.width, 24), nn.ReLU(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 3))
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=2e-3)
    steps = epochs * (len(y) // 256 + 1)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, total_steps=steps)
    xv, yv = torch.from_numpy(valid[0]), torch.from_numpy(valid[1])
    best, kept = np.inf, None
    for _ in range(epochs):
        xe = torch.from_numpy(jitter(x, rng, sch))
        for part in np.array_split(rng.permutation(len(y)), len(y) // 256 + 1):
            opt.zero_grad()
            loss_of(net(xe[part]), torch.from_numpy(y[part])).backward()
            opt.step()
            sched.step()
        with torch.no_grad():
            v = float(loss_of(net(xv), yv))
        if v < best:
            best, kept = v, {k: t.clone() for k, t in net.state_dict().items()}
    net.load_state_dict(kept)
    return net, best


def export(path, net, sch, version, seed, threshold, n_train, n_valid):
    write_mlp(path, "flow", sch, layers_of(net), {
        "name": "flow", "version": version, "license": "GPL-2.0-only", "head": "classes",
        "classes": "|".join(CLASSES), "threshold": f"{threshold:.6f}",
        "description": "Scans and floods against benign flows, by what a flow and its source do; not for payloads, "
                       "guessed passwords or slow attacks.",
        "training": f"tests/traffic train.set and valid.set, {n_train} and {n_valid} flows of real programs in a VM; "
                    f"epoch, seed ({seed}) and threshold by valid.set",
        "accuracy": "see models/README.md; measured on tests/traffic test.set",
    })


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("train", nargs="+")
    ap.add_argument("--valid", required=True, nargs="+")
    ap.add_argument("--test", nargs="+", default=[])
    ap.add_argument("--seeds", type=int, default=5)
    ap.add_argument("--epochs", type=int, default=60)
    ap.add_argument("--far", type=float, default=0.001, help="harmless flows of VALID that may be above the threshold")
    ap.add_argument("--version", default="0.1")
    ap.add_argument("-o", "--out", required=True)
    ap.add_argument("--second", metavar="FILE", help="also write the second best seed, for trying swaps")
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    sch = schema()

    def load(paths):
        parts, base = [], 0
        for p in paths:
            x, y, flows = read(p, sch)
            parts.append((x, y, flows + base))
            base += flows.max() + 1
        return tuple(np.concatenate(c) for c in zip(*parts))

    train, valid = load(args.train), load(args.valid)
    print(f"train {len(train[1])} rows, {train[2].max() + 1} flows; valid {len(valid[1])}, {valid[2].max() + 1}")
    runs = [(*fit(seed, train, valid, sch, args.epochs), seed) for seed in range(args.seeds)]
    runs.sort(key=lambda r: r[1])
    print("validation loss by seed: " + ", ".join(f"{s}: {v:.4f}" for _, v, s in runs))
    for (net, _, seed), out in zip(runs, [args.out, args.second]):
        if not out:
            continue
        score = scores(net, valid[0])
        threshold = choose_threshold(score, valid[1], valid[2], args.far)
        print(f"{out}: seed {seed}, threshold {threshold:.4f}")
        report("train", scores(net, train[0]), train[1], train[2], threshold)
        report("valid", score, valid[1], valid[2], threshold)
        for path in args.test:
            x, y, flows = read(path, sch)
            report(f"test {path}", scores(net, x), y, flows, threshold)
        export(out, net, sch, args.version if out == args.out else args.version + "-b", seed, threshold,
               train[2].max() + 1, valid[2].max() + 1)


if __name__ == "__main__":
    main()
