#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a model of names is worth.

Lives here: scores, the threshold, detection and false alarms by family, and
the table over all folds. What doesn't: the model (dga.py), the lists and which
families are held out (dga_data.py).

    tools/train/dga_measure.py all.json              tables of one model
    tools/train/dga_measure.py f0.json f1.json       of the families held out, in all folds
"""
import argparse
import json
import math

import numpy as np
import torch

import common
import dga_make

FAR = 0.004			# share of valid real names that may be flagged; the goal is 0.005

def tokens(names):
    """[N, longest] ids."""
    ids = np.zeros((len(names), max(map(len, names))), np.int64)
    for row, name in zip(ids, names):
        row[:len(name)] = np.frombuffer(name.encode("ascii"), np.uint8)
        row[:len(name)] += 1
    return torch.from_numpy(ids)


def chunks(names, size):
    """Indices of names of about equal length, `size` at a time."""
    order = np.argsort([len(n) for n in names], kind="stable")
    return [order[i:i + size] for i in range(0, len(order), size)]


def scores(net, names):
    """Log odds that a name is generated."""
    out = np.zeros(len(names), np.float64)
    with torch.no_grad():
        for at in chunks(names, 1024):
            z = net.logits(tokens([names[i] for i in at])).double()
            out[at] = (torch.logsumexp(z[:, 1:], 1) - z[:, 0]).numpy()
    return out


def calibrate(net, real):
    """Shift the logits so that FAR of the valid real names reach one half."""
    limit = common.threshold_at(scores(net, real), FAR)
    with torch.no_grad():
        net.head.bias[0] += limit


def wilson(k, n, z=1.959964):
    if not n:
        return [math.nan, math.nan]
    p, m = k / n, 1 + z * z / n
    w = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(p + z * z / (2 * n) - w) / m, (p + z * z / (2 * n) + w) / m]


def count(s):
    return {"n": len(s), "flagged": int((s >= 0).sum()), "rate": float((s >= 0).mean()),
            "wilson": wilson(int((s >= 0).sum()), len(s))}


def macro(rows):
    """Mean over families; goz and new_goz count as one."""
    groups = {}
    for name, row in rows.items():
        groups.setdefault("goz" if name == "new_goz" else name, []).append(row)
    return {k: float(np.mean([np.mean([r[k] for r in g]) for g in groups.values()]))
            for k in ("rate", "auc")} if groups else {}


def group_auc(real, other, k, seed=0):
    """AUC of the mean score of k names of one client."""
    r = np.random.default_rng(seed)
    return common.auc(*(s[r.integers(len(s), size=(4000, k))].mean(1) for s in (real, other)))


def measure(net, names, held, part):
    """All figures of one part, with the threshold at one half."""
    real = scores(net, names.of["benign"][part])
    out = {"real": count(real)}
    sets = {kind: {f: names.of[f][part] for f in families}
            for kind, families in (("random", names.character), ("words", names.words))}
    if part == "valid":
        sets["made"] = {f: dga_make.made(500, 77, [f], 0.0) for f in dga_make.VALID_ONLY}
    for kind, families in sets.items():
        for seen in ("trained", "held"):
            rows = {}
            for f, labels in families.items():
                if (f in held or kind == "made") == (seen == "held"):
                    s = scores(net, labels)
                    rows[f] = dict(count(s), auc=common.auc(real, s))
                    if kind == "words":
                        rows[f]["auc of 4, 16"] = [group_auc(real, s, k) for k in (4, 16)]
            if rows:
                rows = dict(sorted(rows.items(), key=lambda x: x[1]["rate"]))
                out[f"{kind}, {seen}"] = {"macro": macro(rows), "families": rows}
    return out


def merit(valid):
    """What settings and seeds are chosen by: known and unknown families alike."""
    seen, new = valid["random, trained"]["macro"], valid["made, held"]["macro"]
    words = valid["words, trained"]["macro"]
    return float(np.mean([seen["rate"], new["rate"], 2 * new["auc"] - 1,
                          2 * words["auc"] - 1]))


def show(part, figures):
    real = figures["real"]
    print(f"{part}: real {real['flagged']} of {real['n']} flagged ({100 * real['rate']:.2f} %)")
    for kind, rows in figures.items():
        if kind == "real":
            continue
        print(f"  {kind}: macro {100 * rows['macro']['rate']:.1f} %, AUC {rows['macro']['auc']:.4f}")
        for f, row in rows["families"].items():
            print(f"    {f:14} {100 * row['rate']:5.1f} %  AUC {row['auc']:.4f}  n {row['n']}"
                  f"  {row.get('auc of 4, 16', '')}")


def join(paths, part):
    """Families held out, each in its own fold, as one table."""
    kinds, real = {}, []
    for path in paths:
        with open(path, encoding="ascii") as f:
            figures = json.load(f)[part]
        real.append(figures["real"])
        for kind, rows in figures.items():
            if kind.endswith("held"):
                kinds.setdefault(kind, {}).update(rows["families"])
    whole = sum(r["flagged"] for r in real), sum(r["n"] for r in real)
    out = {"real": {"n": whole[1], "flagged": whole[0], "rate": whole[0] / whole[1],
                    "wilson": wilson(whole[0] // len(real), whole[1] // len(real)),
                    "of each fold": [r["rate"] for r in real]}}
    for kind, rows in kinds.items():
        rows = dict(sorted(rows.items(), key=lambda x: x[1]["rate"]))
        out[kind] = {"macro": macro(rows), "families": rows}
    return out


def table(figures):
    """Markdown, worst family first."""
    def interval(row):
        return " to ".join(f"{100 * x:.1f}" for x in row["wilson"])

    real = figures["real"]
    print(f"real: {real['flagged']} of {real['n']} flagged, {100 * real['rate']:.2f} % "
          f"(interval of one model {' to '.join(f'{100 * x:.2f}' for x in real['wilson'])})")
    for kind, rows in figures.items():
        if kind == "real":
            continue
        print(f"\n| {kind} | names | detected | 95 % interval | AUC | of 4 names | of 16 |\n"
              "|---|---|---|---|---|---|---|")
        for f, row in rows["families"].items():
            more = " | ".join(f"{x:.4f}" for x in row["auc of 4, 16"]) \
                if "auc of 4, 16" in row else " | "
            print(f"| {f} | {row['n']:,} | {100 * row['rate']:.1f} % | {interval(row)} | "
                  f"{row['auc']:.4f} | {more} |")
        print(f"| macro | | {100 * rows['macro']['rate']:.1f} % | | {rows['macro']['auc']:.4f} | | |")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--of", default="test", choices=("valid", "test"))
    p.add_argument("json", nargs="+", help="figures of one model, or of all folds")
    a = p.parse_args()
    if len(a.json) == 1:
        with open(a.json[0], encoding="ascii") as f:
            table(json.load(f)[a.of])
    else:
        table(join(a.json, a.of))


if __name__ == "__main__":
    main()
