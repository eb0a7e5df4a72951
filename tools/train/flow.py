#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train the flow model: benign, scan, flood, slow or guess, from recorded sets of the traffic lab.

    tools/lab/rows DIR                                    rows of the recorded sets in DIR
    tools/train/flow.py DIR -o flow.onnx [--second flow-b.onnx] [--json FILE]
    tools/train/flow.py DIR --measure flow.onnx           figures of a model that is there, on the test set

Lives here: the schema, the training loop, the threshold, the references that the model has to beat (a rule as one
would write by hand, logistic regression, a decision tree), and the report. What doesn't: the sets (flow_runs.py),
the features (bpf/flow). The sets train, train2, ... fit the weights, valid, valid2, ... choose epoch, seed, threshold
and the rule's limits, test only has its figures printed.
"""
import argparse
import json
import multiprocessing
import os

import numpy as np
import onnx
import pandas as pd
import torch
from onnx import numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from torch import nn

import flow_runs
from common import Feature, Schema, write_mlp

CLASSES = ["benign", "scan", "flood", "slow", "guess"]
STRETCHES = ["0.1", "0.316", "1", "3.16", "10"]		# of training; valid and test have the outer ones and 1
STARTS = ["syn", "reply", "mid", "closing", "odd", "udp", "echo", "icmp-error", "icmp", "fragment", "other"]
PORTS = ["none", "system", "user", "dynamic"]
LOG2 = {
    "packets": 20, "packets_out": 20, "bytes": 28, "bytes_out": 28, "duration_us": 30, "quiet_ms": 20, "gap_us": 28,
    "gap_min_us": 28, "gap_mean_us": 28, "gap_max_us": 28, "gap_spread_us": 28, "size_min": 11, "size_mean": 11,
    "size_max": 11, "size_spread": 11, "syns": 8, "closes": 8, "odd": 8, "repeats": 12, "fragments": 8, "turns": 12,
    "refusals": 8, "first_size": 11, "src_age_ms": 24, "src_rate": 14, "src_flows": 16, "src_ports": 10,
    "src_hosts": 10, "src_half_open": 16, "src_rejected": 16, "dst_rate": 16, "dst_opening": 16, "dst_sources": 10,
    "src_done": 14, "src_silent": 14, "src_waiting": 14, "src_open": 14, "src_resets": 14, "src_refused": 12,
    "src_alike": 14, "src_beat_ms": 20, "src_beat_spread_ms": 20,
}
SHARES = ["first_printable", "first_variety", "src_half_share", "src_rejected_share", "dst_opening_share",
          "src_silent_share", "src_waiting_share", "src_refused_share", "src_alike_share"]
ORDER = """packets packets_out bytes bytes_out duration_us quiet_ms gap_us gap_min_us gap_mean_us gap_max_us
gap_spread_us size_min size_mean size_max size_spread progress syns closes odd repeats fragments turns refusals
first_size first_printable first_variety src_age_ms src_rate src_flows src_ports src_hosts src_half_open
src_half_share src_rejected src_rejected_share dst_rate dst_opening dst_opening_share dst_sources src_done src_silent
src_silent_share src_waiting src_waiting_share src_open src_resets src_refused src_refused_share src_alike
src_alike_share src_beat_ms src_beat_spread_ms""".split()
# A flood on a service, for what can't be told from it: half-open connections, and new ones in a second.
CROWD, RUSH = 250, 50
TIMES = ["duration_us", "quiet_ms", "gap_us", "gap_min_us", "gap_mean_us", "gap_max_us", "gap_spread_us", "src_age_ms",
         "src_beat_ms", "src_beat_spread_ms"]
SERVICE = ["dst_rate", "dst_opening", "dst_opening_share", "dst_sources"]
OWN = ORDER[ORDER.index("bytes"):ORDER.index("src_age_ms")]
SOURCE = ORDER[ORDER.index("src_rate"):ORDER.index("dst_rate")] + ORDER[ORDER.index("src_done"):]
# Counts of a source of which each alone, at this height, is an attacker's whatever the flow itself looks like.
YOUNG_MS = 3000
# Up to these counts of a source nothing is proven, whatever flows look like, unless a flood goes on. Not so guesses: who
# guesses slowly is known by his first flows alone.
UNPROVEN = {"packets": 32, "src_rate": 16, "src_flows": 24, "src_ports": 4, "src_hosts": 6, "src_half_open": 4,
            "src_rejected": 3, "src_silent": 3, "src_waiting": 3, "src_open": 12, "src_resets": 4, "src_refused": 0,
            "src_alike": 2, "dst_opening": 16, "dst_rate": 32}
# Up to these counts of a source, what one flow looks like is no proof of anything.
CLEAN = {"src_open": 3, "src_rejected": 2, "src_half_open": 2, "src_refused": 0, "src_ports": 3, "src_silent": 2,
         "src_waiting": 2, "src_alike": 2}
EVIDENCE = {"src_open": 16, "src_rejected": 16, "src_half_open": 16, "src_refused": 4, "src_ports": 12, "src_silent": 16}


def schema():
    """As bpf/flow/flow_schema.h; the compiler of models refuses what differs."""
    out = [Feature("start", "onehot", cats=STARTS), Feature("port", "onehot", cats=PORTS)]
    for name in ORDER:
        if name in SHARES:
            out.append(Feature(name, "linear", 0, 1, 3))
        elif name == "progress":
            out.append(Feature(name, "linear", 0, 5))
        else:
            out.append(Feature(name, "log2", 0, 2**LOG2[name] - 1))
    return Schema(out)


def features_at(sch):
    """First column of each feature."""
    return np.cumsum([0] + [f.width for f in sch.features])[:-1]


def columns(sch, names):
    return [start for start, f in zip(features_at(sch), sch.features) if f.name in names]


class Rows:
    """Training rows of several sets, and how much each weighs."""

    def __init__(self, sets, proven_only=False):
        parts = []
        for s in sets:
            # A slow attack isn't one before it has been slow: at first it looks like a burst of any program.
            young = (s.label == "slow") & (s.raw["src_age_ms"].to_numpy() < YOUNG_MS)
            keep = np.isin(s.label, CLASSES) & ~young
            if proven_only:
                proven = np.any([s.raw[n].to_numpy() > v for n, v in UNPROVEN.items()], axis=0)
                keep &= np.isin(s.label, ["benign", "guess"]) | proven
            y = np.array([CLASSES.index(v) for v in s.label[keep]])
            parts.append((s.x[keep], y, self._weights(y, s.run[keep], s.flow[keep])))
        self.x, self.y, self.w = (np.concatenate(c) for c in zip(*parts))

    @staticmethod
    def _weights(y, run, flow):
        """Each class weighs the same, each flow of a run the same. Friends are counted by flow: a run of theirs weighs
        as the root of its flows. Attacks are counted by run, and those that need few flows must not be outweighed."""
        w = np.zeros(len(y))
        _, flow_of, rows = np.unique(flow, return_inverse=True, return_counts=True)
        per_flow = 1 / rows[flow_of]
        for c in np.unique(y):
            mine = y == c
            _, run_of = np.unique(run[mine], return_inverse=True)
            flows = np.bincount(run_of, per_flow[mine])
            v = per_flow[mine] / flows[run_of] ** (0.5 if c == 0 else 0.75)
            w[mine] = v / v.sum()
        return w * len(y) / len(np.unique(y))


class Mixer:
    """Changes rows of a batch so that no single column, tool or moment is what a class is known by."""

    def __init__(self, sch, rng, unproven):
        self.rng, self.share = rng, unproven
        self.service, self.own = columns(sch, SERVICE), columns(sch, OWN)
        self.columns = [start + np.arange(f.width) for start, f in zip(features_at(sch), sch.features)]
        self.source, self.done = columns(sch, SOURCE), columns(sch, ["src_done"])[0]
        self.evidence = [self._limit(sch, n, v) for n, v in EVIDENCE.items()]
        self.clean = [self._limit(sch, n, v) for n, v in CLEAN.items()]
        self.unproven = [self._limit(sch, n, v) for n, v in UNPROVEN.items()]
        self.young = self._limit(sch, "src_age_ms", YOUNG_MS)
        self.patience = columns(sch, ["src_silent", "src_silent_share", "src_waiting", "src_waiting_share", "src_open"])
        self.times = [(columns(sch, [n])[0], 1 / LOG2[n]) for n in TIMES]
        self.rate = columns(sch, ["dst_rate"])[0]
        self.rush = self._limit(sch, "dst_rate", RUSH)[1]
        self.crowd = columns(sch, ["dst_opening", "dst_opening_share", "dst_sources"])
        self.silent, self.open = columns(sch, ["src_silent"])[0], columns(sch, ["src_open"])[0]
        self.alike = columns(sch, ["src_alike", "src_alike_share"])
        self.starts = [STARTS.index(s) for s in ("reply", "mid", "closing", "odd")]

    @staticmethod
    def _limit(sch, name, value):
        """The column of a feature, and what it holds at a value."""
        row = ["syn", "system"] + [value if m == name else 0 for m in ORDER]
        c = columns(sch, [name])[0]
        return c, sch.unit(sch.expand([row]))[0, c]

    def __call__(self, x, y):
        rng, n = self.rng, len(y)
        self._foreign(x, y)
        # Friends come while services are under attack and while they aren't; of a stranger nothing else is known.
        self._take(x, x[rng.permutation(n)], (rng.random(n) < 0.5) & (y != 2) & (x[:, self.done] > 0), self.service,
                   lambda old: old > 0)
        # Strangers come after a flood, too: its half-open connections are still counted, its rate isn't.
        floods = np.where(y == 2)[0]
        if len(floods):
            self._take(x, x[rng.choice(floods, n)], (rng.random(n) < 0.25) & (y == 0) & (x[:, self.done] == 0)
                       & (x[:, self.crowd[2]] > 0) & (x[:, self.rate] < self.rush), self.crowd)
        # Floods with made-up addresses may be faster than those that were played, and hit busier services.
        fast = np.where((y == 2) & (x[:, self.rate] >= self.rush) & (rng.random(n) < 0.5))[0]
        octave = 1 / LOG2["dst_rate"]
        x[fast, self.rate] += octave * rng.uniform(0, 4, len(fast)).astype(np.float32)
        x[fast, self.crowd[0]] += (x[fast, self.crowd[0]] > 0) * octave * rng.uniform(-1, 3, len(fast)).astype(np.float32)
        x[fast, self.crowd[1]] *= rng.uniform(0.1, 1, len(fast)).astype(np.float32)
        x[fast] = x[fast].clip(0, 1)
        guilty = np.any([x[:, c] >= v for c, v in self.evidence], axis=0) & (y > 0)
        for c in range(len(CLASSES)):
            mine = np.where(y == c)[0]
            if len(mine) > 1:
                other = x.copy()
                other[mine] = x[rng.permutation(mine)]
                self._take(x, other, (y == c) & (rng.random(n) < 0.2), self.own)
        friends = np.where(y == 0)[0]
        if len(friends):
            self._take(x, x[rng.choice(friends, n)], guilty & (rng.random(n) < 0.3), self.own)
        blank = (rng.random((n, len(self.source))) < 0.1) & (y > 0)[:, None] & (rng.random(n) < 0.5)[:, None]
        for k, c in enumerate(self.source):
            x[blank[:, k], c] = 0
        # Connections on which nothing is said may be left open or closed at once.
        shut = (y == 2) & (x[:, self.silent] > 0.2) & (rng.random(n) < 0.4)
        x[shut, self.open] = 0
        x[shut, self.alike[0]] = x[shut, self.silent]
        x[shut, self.alike[1]] = 1
        # Packets that no handshake led to are alike, whatever their flags.
        stray = (x[:, self.starts].sum(1) > 0) & ((y == 1) | (y == 2)) & (rng.random(n) < 0.4)
        rows = np.where(stray)[0]
        x[np.ix_(rows, self.starts)] = 0
        x[rows, rng.choice(self.starts, len(rows))] = 1
        if self.share:
            y = self._unproven(x, y)
        x += rng.normal(0, 0.01, x.shape).astype(np.float32) * (x > 0)
        return x, y

    def _unproven(self, x, y):
        """Rows of a kind that no lab has: flows of any look but a guess's, from sources of which nothing is proven. Half of
        them have each column from another row."""
        rng, n = self.rng, len(y)
        rows = np.where(rng.random(n) < self.share)[0]
        friends = np.where(y == 0)[0]
        if not len(rows) or not len(friends):
            return y
        looks = np.where(y != CLASSES.index("guess"))[0]
        mixed = x[rng.choice(looks, len(rows))].copy()
        for c in self.columns:
            take = rng.random(len(rows)) < 0.5
            take[: len(rows) // 2] = False
            mixed[np.ix_(take, c)] = x[np.ix_(rng.choice(looks, take.sum()), c)]
        for c in self.service:
            mixed[:, c] = x[rng.choice(friends, len(rows)), c]
        for c, limit in self.unproven:
            mixed[:, c] = np.minimum(mixed[:, c], limit * rng.random(len(rows)) ** 0.5)
        x[rows] = mixed
        y = y.copy()
        y[rows] = 0
        return y

    def _foreign(self, x, y):
        """Friends from networks and with programs that the lab hasn't: any pace, and flows as odd as an attacker's, but
        of a source that has done nothing."""
        rng, n = self.rng, len(y)
        paced = np.where((y == 0) & (rng.random(n) < 0.3))[0]
        shift = rng.uniform(-2, 6, len(paced)).astype(np.float32)
        for c, octave in self.times:
            x[paced, c] = ((x[paced, c] + shift * octave) * (x[paced, c] > 0)).clip(0, 1)
        clean = np.all([x[:, c] <= v + 1e-6 for c, v in self.clean], axis=0)
        # A burst of requests to a service that is slow to answer waits like an attacker, but not for long.
        slow = np.where(y == 3)[0]
        if len(slow):
            c, young = self.young
            self._take(x, x[rng.choice(slow, n)], (y == 0) & (x[:, c] < young) & (rng.random(n) < 0.2), self.patience)
        odd = np.where((y == 1) | (y == 3) | (y == 4))[0]
        if len(odd):
            self._take(x, x[rng.choice(odd, n)], (y == 0) & clean & (rng.random(n) < 0.2), self.own)

    @staticmethod
    def _take(x, other, rows, cols, where=None):
        for c in cols:
            take = rows if where is None else rows & where(x[:, c])
            x[take, c] = other[take, c]


def make_net(width, hidden):
    layers = []
    for h in hidden:
        layers += [nn.Linear(width, h), nn.ReLU()]
        width = h
    return nn.Sequential(*layers, nn.Linear(width, len(CLASSES)))


def scores(net, x):
    """1 - p(benign), in logits so that nothing saturates."""
    with torch.no_grad():
        z = net(torch.from_numpy(x)).double()
    return (torch.logsumexp(z[:, 1:], 1) - z[:, 0]).numpy()


def fit(seed, rows, valid, sch, args):
    """The net of the epoch that is best on the validation sets, and how good that is."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    # A mistake about a friend weighs more than one about a single row of an attack.
    cost = torch.tensor([args.benign_weight] + [1.0] * (len(CLASSES) - 1))
    net = make_net(sch.width, args.hidden)
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    batch = 1024
    steps = args.epochs * (len(rows.y) // batch)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(reduction="none", label_smoothing=0.01)
    share = rows.w / rows.w.sum()
    mixer = Mixer(sch, rng, args.unproven)
    best, kept = -np.inf, None
    for _ in range(args.epochs):
        order = rng.choice(len(rows.y), (len(rows.y) // batch) * batch, p=share)
        for part in order.reshape(-1, batch):
            x, y = mixer(rows.x[part].copy(), rows.y[part])
            y = torch.from_numpy(y)
            opt.zero_grad()
            z = net(torch.from_numpy(x))
            (loss_of(z, y) * cost[y]).mean().backward()
            opt.step()
            sched.step()
        value = merit(net, valid, args.far)
        if value > best:
            best, kept = value, {k: t.clone() for k, t in net.state_dict().items()}
    net.load_state_dict(kept)
    return net, best


def in_flood(s):
    """Rows of a stranger's first SYN to a service with many half-open connections and many new ones.

    Nothing tells it from those of a flood with made-up addresses: whoever catches that flood flags it too, and the
    hook lets it in when it is sent again. Counted in every report; only the threshold isn't chosen by it.
    """
    raw = s.raw
    return ((raw["packet"] == 1) & (raw["start"] == "syn") & (raw["src_done"] == 0) & (raw["src_flows"] <= 4)
            & (raw["dst_opening"] >= CROWD) & (raw["dst_rate"] >= RUSH)).to_numpy()


class Work:
    """What a process that fits a seed finds in its memory."""
    args = ()

    @classmethod
    def fit(cls, seed):
        net, value = fit(seed, *cls.args)
        return seed, {k: t.numpy() for k, t in net.state_dict().items()}, value


def flow_scores(s, score):
    """Worst score of each benign flow, a stranger's first SYN in a flood apart."""
    mine = (s.label == "benign") & ~in_flood(s)
    worst = np.full(s.flow.max() + 1, -np.inf)
    np.maximum.at(worst, s.flow[mine], score[mine])
    return worst[np.isfinite(worst)]


def threshold_of(pairs, far):
    """Lowest score at which at most a share far of the benign flows of all sets together is flagged."""
    worst = np.sort(np.concatenate([flow_scores(s, z) for s, z in pairs]))[::-1]
    return float(worst[min(len(worst) - 1, int(far * len(worst)))] + 1e-6)


def caught_shares(flagged):
    """Share of the runs that are caught, by stretch of time and class; sets of one stretch together."""
    by = {}
    for s, f in flagged:
        by.setdefault(s.stretch, []).append(s.caught(f, s.counts))
    return [c / n for runs in by.values() for c, n in flow_runs.by_class(pd.concat(runs), "paced").values()]


def merit(net, valid, far):
    """Share of caught runs, worst class counted twice, at the threshold that the false alarms allow."""
    pairs = [(s, scores(net, s.x)) for s in valid]
    limit = threshold_of(pairs, far)
    shares = caught_shares([(s, z >= limit) for s, z in pairs])
    return (np.mean(shares) + min(shares)) / 2


NEVER = 1 << 30


class Rule:
    """What one would write by hand: limits of a source's rates and counts, each at least one packet's worth."""
    NAMES = ["src_rate", "src_ports", "src_half_open", "src_open", "src_waiting", "src_refused"]
    STEPS = {"src_rate": [5, 10, 20, 50, 100, 200], "src_ports": [5, 10, 15, 20, 40],
             "src_half_open": [5, 10, 20, 50, 100], "src_open": [10, 20, 50, 100, 200],
             "src_waiting": [3, 5, 10, 20, 50], "src_refused": [3, 5, 10, 20]}

    def __init__(self, limits):
        self.limits = limits

    def flags(self, s):
        out = np.zeros(len(s.label), bool)
        for n in self.NAMES:
            out |= s.raw[n].to_numpy() >= self.limits[n]
        return out

    @classmethod
    def tuned(cls, valid, far):
        """Each limit as low as it may be, for two ways to share out the false alarms; the better one."""
        best, kept = -1.0, cls({n: NEVER for n in cls.NAMES})
        for part in (far, far / len(cls.NAMES)):
            rule = cls({n: min([v for v in cls.STEPS[n] if share_flagged(valid, {n: v}) <= part], default=NEVER)
                        for n in cls.NAMES})
            if share_flagged(valid, rule.limits) > far:
                continue
            value = np.mean(caught_shares([(s, rule.flags(s)) for s in valid]))
            if value > best:
                best, kept = value, rule
        return kept


def share_flagged(sets, limits):
    """Share of the benign flows of all sets that limits flag."""
    rule = Rule({n: limits.get(n, NEVER) for n in Rule.NAMES})
    counts = [s.false_alarms(rule.flags(s)) for s in sets]
    return sum(c["flagged"].sum() for c in counts) / max(1, sum(c["flows"].sum() for c in counts))


def report(name, sets, judge, out):
    """Print caught runs by class and stretch, false alarms, the worst tools and services."""
    for s in sets:
        flagged = judge(s)
        runs, alarms = s.caught(flagged, s.counts), s.false_alarms(flagged)
        k, n = int(alarms["flagged"].sum()), int(alarms["flows"].sum())
        strangers = int(s.false_alarms(flagged & in_flood(s))["flagged"].sum())
        lo, hi = flow_runs.interval(k, n)
        entry = {"judge": name, "set": os.path.basename(s.base), "stretch": s.stretch, "benign": n, "flagged": k,
                 "first_syn_in_flood": strangers, "interval": [lo, hi], "caught": {}, "tools": {}, "services": {}}
        text = []
        for label, (c, m) in flow_runs.by_class(runs).items():
            a, b = flow_runs.interval(c, m)
            text.append(f"{label} {c}/{m} ({a:.0f}-{b:.0f} %)")
            entry["caught"][label] = [c, m]
        entry["paced"] = flow_runs.by_class(runs, "paced")
        if s.stretch != 1:
            text += [f"{label} {c}/{m} within 60 s of the recording" for label, (c, m) in entry["paced"].items()
                     if label in ("slow", "guess")]
        print(f"{name:9} {entry['set']:6} x{s.stretch:<5g} benign flagged {k} of {n} ({100 * k / max(n, 1):.3f} %, "
              f"{lo:.3f}-{hi:.3f}; {strangers} by a stranger's first SYN in a flood)  runs caught: " + ", ".join(text), flush=True)
        tools = runs.groupby(["label", "tool"])["caught"].agg(["sum", "size"])
        for (label, tool), (c, m) in sorted(tools.iterrows(), key=lambda r: r[1]["sum"] / r[1]["size"]):
            entry["tools"][f"{label} {tool}"] = [int(c), int(m)]
        for service, (m, c) in alarms.sort_values("flagged", ascending=False).iterrows():
            entry["services"][str(service)] = [int(c), int(m)]
        out.append(entry)
    return out


def details(entry):
    print(f"  {entry['judge']}, {entry['set']} x{entry['stretch']:g}, tools, worst first:")
    for tool, (c, m) in entry["tools"].items():
        print(f"    {tool:28} {c} of {m} runs caught")
    print("  benign services, worst first:")
    for service, (c, m) in entry["services"].items():
        print(f"    {service:28} {c} of {m} flows flagged ({100 * c / m:.2f} %)")


def export(path, net, sch, seed, threshold, version):
    layers = [(m.weight.detach().numpy().astype(np.float64), m.bias.detach().numpy().astype(np.float64))
              for m in net if isinstance(m, nn.Linear)]
    write_mlp(path, "flow", sch, layers, {
        "name": "flow", "version": version, "license": "GPL-2.0-only", "head": "classes",
        "classes": "|".join(CLASSES), "threshold": f"{1 / (1 + np.exp(-threshold)):.6f}",
        "description": "Scans, floods, slow attacks and password guessing against benign flows, by what a flow and "
                       "its source do; not for payloads.",
        "training": f"traffic lab, sets train*; epoch, seed ({seed}) and threshold by sets valid*",
        "accuracy": "models/README.md, measured on the lab's set test",
    })


def restore(path):
    """The net and the threshold (a logit) of an ONNX file that export() wrote."""
    model = onnx.load(path)
    parts = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    text = {p.key.rpartition(".")[2]: p.value for p in model.metadata_props}
    layers = [(parts[f"w{i}"], parts[f"b{i}"]) for i in range(sum(n[0] == "w" for n in parts))]
    net = make_net(layers[0][0].shape[1], [len(b) for _, b in layers[:-1]])
    for m, (w, b) in zip([m for m in net if isinstance(m, nn.Linear)], layers):
        m.weight.data, m.bias.data = torch.from_numpy(w.copy()), torch.from_numpy(b.copy())
    share = float(text["threshold"])
    return net, float(np.log(share / (1 - share)))


def measure(path, valid, test, far):
    """Report a model that is there beside the rule by hand."""
    net, limit = restore(path)
    rule, out = Rule.tuned(valid, far), []
    report("model", test, lambda s: scores(net, s.x) >= limit, out)
    report("rule", test, rule.flags, out)
    details(out[0])
    report("model", valid, lambda s: scores(net, s.x) >= limit, out)
    return out


def save(path, out):
    if path:
        with open(path, "w", encoding="ascii") as f:
            json.dump(out, f, indent=1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("dir", metavar="DIR")
    ap.add_argument("--seeds", type=int, default=4)
    ap.add_argument("--epochs", type=int, default=14)
    ap.add_argument("--hidden", type=int, nargs="+", default=[64, 32])
    ap.add_argument("--benign-weight", type=float, default=2.0)
    ap.add_argument("--unproven", type=float, default=0.2,
                    help="share of made-up friends of whose source nothing is proven; 0: none, and rows of attacks of "
                    "which nothing is proven stay in")
    ap.add_argument("--local", nargs="+", default=["10.77.0.1", "fd77::1"],
                    help="addresses of the protected host (default: the lab's)")
    ap.add_argument("--far", type=float, default=0.0005, help="benign flows of valid that may be above the threshold")
    ap.add_argument("--version", default="2.1")
    ap.add_argument("-o", "--out", help="ONNX file to write")
    ap.add_argument("--measure", metavar="FILE", help="train nothing; an ONNX file of this script")
    ap.add_argument("--second", metavar="FILE", help="also write the second best seed, for trying swaps")
    ap.add_argument("--json", metavar="FILE", help="write all figures there")
    ap.add_argument("--no-test", action="store_true", help="don't look at the test set")
    args = ap.parse_args()
    if not args.out and not args.measure:
        ap.error("-o FILE or --measure FILE")
    torch.set_num_threads(1)
    sch = schema()

    def load(name, stretches, count):
        more = [load(name + str(i), stretches, count) for i in range(2, 10)
                if os.path.exists(os.path.join(args.dir, f"{name}{i}.csv"))]
        sets = [flow_runs.Set(os.path.join(args.dir, name), sch, x, args.local) for x in stretches]
        for s in sets if count else []:
            s.counts = sets[0].packet_counts()
        # Friends' connections that had begun before anybody looked (tools/lab/midway).
        if os.path.exists(os.path.join(args.dir, name + ".mid.csv")):
            sets.append(flow_runs.Set(os.path.join(args.dir, name + ".mid"), sch, "1", args.local))
            sets[-1].counts = {}
        return sets + [s for m in more for s in m]

    if args.measure:
        out = measure(args.measure, load("valid", ["1", "0.1", "10"], True), load("test", ["1", "0.1", "10"], True), args.far)
        save(args.json, out)
        return
    train = load("train", STRETCHES, False)
    valid = load("valid", ["1", "0.1", "10"], True)
    rows = Rows(train, args.unproven > 0)
    print(f"train: {len(rows.y)} rows of {len(train)} stretches, by class " + ", ".join(
        f"{c} {int((rows.y == i).sum())}" for i, c in enumerate(CLASSES)), flush=True)
    nets = []
    Work.args = (rows, valid, sch, args)
    with multiprocessing.get_context("fork").Pool(min(args.seeds, os.cpu_count())) as pool:
        for seed, state, value in pool.imap(Work.fit, range(args.seeds)):
            net = make_net(sch.width, args.hidden)
            net.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
            print(f"seed {seed}: merit on valid {value:.4f}", flush=True)
            nets.append((value, seed, net))
    nets.sort(key=lambda n: -n[0])
    lr = LogisticRegression(max_iter=300, C=1.0).fit(rows.x[::29], rows.y[::29] > 0, rows.w[::29])
    tree = DecisionTreeClassifier(max_leaf_nodes=64, random_state=0).fit(rows.x, rows.y > 0, rows.w)
    rule = Rule.tuned(valid, args.far)
    print("rule by hand: flag when " + " or ".join(f"{n} >= {v}" for n, v in rule.limits.items() if v < NEVER))
    value, seed, net = nets[0]
    judges = {"model": lambda s: scores(net, s.x), "logistic": lambda s: lr.decision_function(s.x),
              "tree": lambda s: tree.predict_proba(s.x)[:, 1]}
    limits = {n: threshold_of([(s, j(s)) for s in valid], args.far) for n, j in judges.items()}
    print(f"{args.out}: seed {seed}, threshold {1 / (1 + np.exp(-limits['model'])):.4f} (logit {limits['model']:.3f})")
    out = []
    for sets in [valid] + ([] if args.no_test else [load("test", ["1", "0.1", "10"], True)]):
        for n, j in judges.items():
            report(n, sets, lambda s, j=j, n=n: j(s) >= limits[n], out)
        report("rule", sets, rule.flags, out)
        details(next(e for e in out if e["judge"] == "model" and e["set"] == os.path.basename(sets[0].base)))
    export(args.out, net, sch, seed, limits["model"], args.version)
    if args.second and len(nets) > 1:
        _, seed2, net2 = nets[1]
        limit2 = threshold_of([(s, scores(net2, s.x)) for s in valid], args.far)
        export(args.second, net2, sch, seed2, limit2, args.version + "-b")
    save(args.json, out)


if __name__ == "__main__":
    main()
