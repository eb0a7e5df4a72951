# SPDX-License-Identifier: GPL-2.0-only
"""The flow model itself: its training, its threshold and what is added to its logits, its file.

Lives here: the training loop, what counts as good on the validation sets, and ONNX files of the model. What doesn't: rows
and made-up rows (flow_rows.py), the sets (flow_runs.py), reports and references (flow.py).
"""
import re

import numpy as np
import onnx
import pandas as pd
import torch
from onnx import numpy_helper
from torch import nn

import flow_runs
from common import write_mlp
from flow_rows import CLASSES, CROWD, RUSH, Mixer

SOFT = 0.5		# logits over which a run is caught in part, while offsets are chosen


def make_net(width, hidden):
    layers = []
    for h in hidden:
        layers += [nn.Linear(width, h), nn.ReLU()]
        width = h
    return nn.Sequential(*layers, nn.Linear(width, len(CLASSES)))


def logits(net, x):
    with torch.no_grad():
        return net(torch.from_numpy(x)).double().numpy()


def scores(net, x):
    """1 - p(benign), in logits so that nothing saturates."""
    z = logits(net, x)
    return np.logaddexp.reduce(z[:, 1:], axis=1) - z[:, 0]


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

class Judged:
    """A validation set and the logits of its rows, kept for being judged with one offset after the other."""

    def __init__(self, s, z):
        rows = np.where((s.label == "benign") & ~in_flood(s))[0]
        rows = rows[np.argsort(s.flow[rows], kind="stable")]
        self.friends, self.begin = rows, np.flatnonzero(np.diff(s.flow[rows], prepend=-1))
        self.stretch, self.runs, self.z = s.stretch, s.in_time(s.counts), z

    def scores(self, offsets):
        return np.logaddexp.reduce(self.z[:, 1:] + offsets, axis=1) - self.z[:, 0]


def threshold_at_each(judged, offsets, far):
    """Lowest score at which at most a share far of the benign flows of any one stretch of time is flagged; and the best score
    of each attack run, by stretch and class."""
    worst, best = {}, {}
    for j in judged:
        score = j.scores(offsets)
        worst.setdefault(j.stretch, []).append(np.maximum.reduceat(score[j.friends], j.begin))
        for label, rows in j.runs:
            best.setdefault((j.stretch, label), []).append(score[rows].max() if len(rows) else -np.inf)
    worst = [np.sort(np.concatenate(w))[::-1] for w in worst.values()]
    return float(max(w[int(far * len(w))] for w in worst) + 1e-6), best


def calibrate(net, valid, far):
    """Add to the logit of each attack what lets most runs be caught while no stretch of time has more than a share far of
    its benign flows flagged. Returns what was added, and the threshold.

    One threshold for all attacks leaves it to the class with most false alarms, such as "slow" where time goes slowly.
    """
    judged = [Judged(s, logits(net, s.x)) for s in valid]

    def value(offsets):
        limit, best = threshold_at_each(judged, offsets, far)
        shares = [np.mean(1 / (1 + np.exp(np.clip((limit - np.array(v)) / SOFT, -50, 50)))) for v in best.values()]
        return (np.mean(shares) + min(shares)) / 2

    offsets, step = np.zeros(len(CLASSES) - 1), 1.0
    most = value(offsets)
    while step >= 0.25:
        better = False
        for c in range(len(offsets)):
            for change in (-step, step):
                other = offsets.copy()
                other[c] += change
                if (v := value(other)) > most + 1e-4:
                    offsets, most, better = other, v, True
        step = step if better else step / 2
    # Only differences between the classes say anything; the threshold takes the rest.
    offsets -= offsets.max()
    limit, _ = threshold_at_each(judged, offsets, far)
    last = [m for m in net if isinstance(m, nn.Linear)][-1]
    last.bias.data[1:] += torch.from_numpy(offsets).float()
    return offsets, limit


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
    """The net, its threshold (a logit) and its seed, of an ONNX file that export() wrote."""
    model = onnx.load(path)
    parts = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    text = {p.key.rpartition(".")[2]: p.value for p in model.metadata_props}
    layers = [(parts[f"w{i}"], parts[f"b{i}"]) for i in range(sum(n[0] == "w" for n in parts))]
    net = make_net(layers[0][0].shape[1], [len(b) for _, b in layers[:-1]])
    for m, (w, b) in zip([m for m in net if isinstance(m, nn.Linear)], layers):
        m.weight.data, m.bias.data = torch.from_numpy(w.copy()), torch.from_numpy(b.copy())
    share = float(text["threshold"])
    return net, float(np.log(share / (1 - share))), int(re.search(r"seed \((\d+)\)", text["training"]).group(1))
