# SPDX-License-Identifier: GPL-2.0-only
"""Recorded sets of the traffic lab: rows of features, runs, and how well a judge does on them.

Lives here: reading SET.csv (`inkling features`), SET.runs.csv and SET.pcap (tools/lab/record), which run a row
is of, when an attack run counts as caught, false alarms by service. What doesn't: models (flow.py).

An attack run is caught when a flow of it is flagged in time: a scan within its first 32 flows, a flood within its
first 1,000 packets, slow attacks and guessing within 60 s. Where time was stretched, 60 s hold fewer or more of such an
attack; whether it was caught within 60 s of the recording is told apart ("paced"). A benign flow is flagged when any of
its rows is.
"""
import ipaddress
import math
import os
import struct
import sys

import numpy as np
import pandas as pd

KEY = ["remote", "remote_port", "local", "local_port", "proto"]
PROBES, PACKETS, SECONDS = 32, 1000, 60


def interval(k, n):
    """95 % interval of a share by Wilson, in percent."""
    if not n:
        return 0.0, 100.0
    z, p = 1.96, k / n
    mid, off = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * max(0.0, mid - off) / (1 + z * z / n), 100 * (mid + off) / (1 + z * z / n)


def packets_in(path, local):
    """Times (ns) and source addresses of what came in, from a pcap of Ethernet frames."""
    with open(path, "rb") as f:
        data = f.read()
    nano = struct.unpack("<I", data[:4])[0] == 0xa1b23c4d
    at, times, sources = 24, [], []
    while at + 16 <= len(data):
        sec, frac, size, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + min(size, 54)]
        at += 16 + size
        kind = frame[12:14]
        source = frame[26:30] if kind == b"\x08\x00" else frame[22:38] if kind == b"\x86\xdd" else None
        if source and source not in local:
            times.append(sec * 10**9 + frac * (1 if nano else 1000))
            sources.append(source)
    return np.array(times, np.int64), sources


class Set:
    """One recorded set at one stretch of time."""

    def __init__(self, base, schema, stretch="1", local=("10.77.0.1", "fd77::1")):
        self.base, self.stretch = base, float(stretch)
        suffix = "" if stretch == "1" else f".x{stretch}"
        names = [f.name for f in schema.features]
        self.path = f"{base}{suffix}.csv"
        frame = pd.read_csv(self.path, dtype={n: str for n in ("start", "port")})
        missing = set(names + KEY + ["label", "time_ns", "packet"]) - set(frame.columns)
        if missing:
            sys.exit(f"{self.path}: no column {', '.join(sorted(missing))}; make it with 'inkling features'")
        self.x = expand(schema, frame)
        self.label, self.remote = frame["label"].to_numpy(), frame["remote"].to_numpy()
        self.time, self.packet = frame["time_ns"].to_numpy(), frame["packet"].to_numpy()
        self.raw = frame
        # A key that comes again with packet 1 is another flow.
        begin = (self.packet == 1).astype(int)
        group = frame.groupby(KEY, sort=False).ngroup().to_numpy()
        again = pd.Series(begin).groupby(group).cumsum().to_numpy()
        self.flow = pd.Series(list(zip(group, again))).factorize()[0]
        self.runs = self._runs(frame)
        self.local = {ipaddress.ip_address(a).packed for a in local}
        self.run = self._run_of_rows()

    def _runs(self, frame):
        """What was played; without the lab's list each remote address is a run, as it is labelled most often."""
        if os.path.exists(f"{self.base}.runs.csv"):
            return pd.read_csv(f"{self.base}.runs.csv")
        by = frame.groupby("remote", sort=False)
        return pd.DataFrame({"addresses": list(by.groups), "label": by["label"].agg(lambda v: v.mode()[0]).to_numpy(),
                             "tool": "address", "service": by["local_port"].agg(lambda v: str(v.mode()[0])).to_numpy(),
                             "from_ns": 0, "to_ns": 0})

    def _run_of_rows(self):
        """Number of the run that each row is of, -1 of none."""
        runs, of = self.runs, np.full(len(self.label), -1)
        addresses = pd.Series(self.remote)
        anyone = []
        for i, text in enumerate(runs["addresses"].astype(str)):
            for a in text.split():
                if a == "any":
                    anyone.append(i)
                elif "/" in a:
                    net = ipaddress.ip_network(a, strict=False)
                    unique = {u: ipaddress.ip_address(u) in net for u in addresses.unique()}
                    of[addresses.map(unique).to_numpy()] = i
                else:
                    of[(addresses == a).to_numpy()] = i
        for i in anyone:
            span = (self.time >= runs["from_ns"][i]) & (self.time <= runs["to_ns"][i] + 2 * 10**9)
            of[(of < 0) & span] = i
        return of

    def packet_counts(self):
        """For each attack run the times of its packets, sorted; without a capture those of its rows."""
        if not os.path.exists(self.base + ".pcap"):
            return {i: np.sort(self.time[self.run == i]) for i in range(len(self.runs))}
        times, sources = packets_in(self.base + ".pcap", self.local)
        names = {}
        for s in set(sources):
            a = ipaddress.ip_address(s)
            names[s] = str(a)
        owner, of = {}, {}
        for r, i in zip(self.remote, self.run):
            owner.setdefault(r, i)
        for t, s in zip(times, sources):
            of.setdefault(owner.get(names[s], -1), []).append(t)
        return {i: np.sort(np.array(v)) for i, v in of.items()}

    def caught(self, flagged, counts):
        """DataFrame of attack runs: label, tool, service, caught, and after how much."""
        out = []
        for i, run in self.runs.iterrows():
            if run["label"] in ("benign", "other"):
                continue
            rows = np.where(self.run == i)[0]
            hit = rows[flagged[rows]]
            if not len(rows):
                continue
            entry = {"run": i, "label": run["label"], "tool": run["tool"], "service": run["service"],
                     "caught": False, "paced": False, "probes": -1, "packets": -1, "seconds": -1.0}
            if len(hit):
                first = hit[np.argmin(self.time[hit])]
                t = self.time[first]
                entry["probes"] = len(np.unique(self.flow[rows[self.time[rows] <= t]]))
                entry["packets"] = int(np.searchsorted(counts.get(i, np.array([])), t, "right"))
                entry["seconds"] = (t - self.time[rows].min()) / 1e9 * self.stretch
                counted = {"scan": entry["probes"] <= PROBES, "flood": entry["packets"] <= PACKETS}
                entry["caught"] = bool(counted.get(run["label"], entry["seconds"] <= SECONDS))
                entry["paced"] = bool(counted.get(run["label"], entry["seconds"] <= SECONDS * self.stretch))
            out.append(entry)
        return pd.DataFrame(out, columns=["run", "label", "tool", "service", "caught", "paced", "probes", "packets",
                                          "seconds"])

    def in_time(self, counts):
        """Label and rows of each attack run by which it can be caught in time ("paced")."""
        out = []
        for i, run in self.runs.iterrows():
            rows = np.where(self.run == i)[0]
            if run["label"] in ("benign", "other") or not len(rows):
                continue
            t = self.time[rows]
            if run["label"] == "scan":
                begun = np.sort(pd.Series(t).groupby(self.flow[rows]).min().to_numpy())
                ok = np.searchsorted(begun, t, "right") <= PROBES
            elif run["label"] == "flood":
                ok = np.searchsorted(counts.get(i, np.array([])), t, "right") <= PACKETS
            else:
                ok = t - t.min() <= SECONDS * 10**9
            out.append((run["label"], rows[ok]))
        return out

    def false_alarms(self, flagged):
        """DataFrame of benign flows by service: flows and how many of them are flagged."""
        rows = np.where(self.label == "benign")[0]
        service = self.runs["service"].to_numpy()
        flow = pd.DataFrame({"flow": self.flow[rows], "flagged": flagged[rows],
                             "service": [service[i] if i >= 0 else "?" for i in self.run[rows]]})
        flow = flow.groupby("flow").agg(flagged=("flagged", "max"), service=("service", "first"))
        return flow.groupby("service")["flagged"].agg(flows="size", flagged="sum")


def expand(schema, frame):
    """Inputs between 0 and 1 of all rows."""
    parts = []
    for f in schema.features:
        column = frame[f.name].to_numpy()
        parts.append(f.expand(f.raw(column)))
    return schema.unit(np.concatenate(parts, axis=1)).astype(np.float32)


def by_class(runs, what="caught"):
    """Caught runs of each class: {label: (caught, all)}."""
    return {label: (int(g[what].sum()), len(g)) for label, g in runs.groupby("label")}
