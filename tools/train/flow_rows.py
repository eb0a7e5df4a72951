# SPDX-License-Identifier: GPL-2.0-only
"""What the flow model is trained on: the columns that it sees, rows of recorded sets with their weights, made-up rows.

Lives here: the schema, which rows count and how much, and how a batch of them is changed so that no single column, tool
or moment tells a class. What doesn't: the sets (flow_runs.py), the training (flow_fit.py).
"""
import numpy as np

from common import Feature, Schema

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
