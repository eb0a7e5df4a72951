#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a model of names is worth.

Lives here: scores of PyTorch's model, of an ONNX file (float) and of an image
(int8, as the kernel runs it), the threshold, detection and false alarms by
family, and tables. What doesn't: the model (dga.py), rules to compare it with
(dga_rules.py), the lists and which families are held out (dga_data.py).

    tools/train/dga_measure.py all.json              tables of one model
    tools/train/dga_measure.py f0.json f1.json       of the families held out, in all folds
    tools/train/dga_measure.py --data DIR --model models/dga.ink int8.json
"""
import argparse
import json
import subprocess
import tempfile

import numpy as np

import common
import dga_data
import dga_make
import dga_onnx

FAR = 0.004			# share of valid real names that may be flagged; the goal is 0.005
FAR_WORDS = 0.001		# and as words, before the rest is shared out
LONGEST = 24			# bytes of a label that the model is given: the first ones


def id_rows(names):
    """[N, longest] ids: bytes plus one, 0 fills up."""
    ids = np.zeros((len(names), min(max(map(len, names)), LONGEST)), np.int64)
    for row, name in zip(ids, names):
        name = name[:LONGEST]
        row[:len(name)] = np.frombuffer(name.encode("ascii"), np.uint8)
        row[:len(name)] += 1
    return ids


def chunks(names, size):
    """Indices of names of about equal length, `size` at a time."""
    order = np.argsort([len(n) for n in names], kind="stable")
    return [order[i:i + size] for i in range(0, len(order), size)]


def log_odds(z):
    """That a name is generated, of logits [N, 3]."""
    return np.logaddexp.reduce(z[:, 1:], axis=1) - z[:, 0]


def onnx_scores(path):
    model = dga_onnx.Model(path)

    def score(names):
        p = np.concatenate([model(id_rows([n])) for n in names])
        return np.log(np.maximum(p[:, 1:].sum(1), 1e-30)) - np.log(np.maximum(p[:, 0], 1e-30))
    return score


def image_scores(path):
    """By build/inkling, bit for bit what the kernel says; probabilities are 16 bits wide."""
    def score(names):
        with tempfile.NamedTemporaryFile() as to, tempfile.NamedTemporaryFile() as back:
            for n in names:
                n = n[:LONGEST].encode("ascii")
                to.write(len(n).to_bytes(4, "little") + bytes(c + 1 for c in n).ljust(LONGEST, b"\0"))
            to.flush()
            subprocess.run(["build/inkling", "run", path, "--input", to.name, "--out", back.name,
                            "--quiet"], check=True)
            p = np.fromfile(back.name, np.int16).reshape(len(names), 3)[:, 0].astype(float)
        return np.log((32768.5 - p) / (p + 0.5))
    return score


def shift(z):
    """
    What the logits of valid real names have to be lowered by, so that FAR of them are flagged,
    and FAR_WORDS as words: those look like real names, and would use up all false alarms.
    """
    by = np.zeros(3)
    for k, share in ((1, FAR - FAR_WORDS), (2, FAR_WORDS)):
        by[k] = common.threshold_at(z[:, k] - z[:, 0], share)
    by[0] = -common.threshold_at(log_odds(z - by), FAR)
    return by


def count(s):
    return {"n": len(s), "flagged": int((s >= 0).sum()), "rate": float((s >= 0).mean()),
            "wilson": common.wilson(int((s >= 0).sum()), len(s))}


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


RATES = (0.001, 0.005, 0.01, 0.02, 0.05)


def curve(real, families):
    """Macro detection where a share of these real names is flagged: points of the ROC curve."""
    out = []
    for share in RATES:
        limit = common.threshold_at(real, share)
        rows = {f: {"rate": float((s >= limit).mean()), "auc": 0} for f, s in families.items()}
        out.append(macro(rows)["rate"])
    return out


def measure(score, names, held, part):
    """All figures of one part; what score() gives 0 or more is flagged."""
    real = score(names.of["benign"][part])
    out = {"real": count(real)}
    sets = {kind: {f: names.of[f][part] for f in families}
            for kind, families in (("random", names.character), ("words", names.words))}
    if part == "valid":
        sets["made"] = {f: dga_make.made(500, 77, [f], 0.0) for f in dga_make.VALID_ONLY}
    for kind, families in sets.items():
        for seen in ("trained", "held"):
            rows, of = {}, {}
            for f, labels in families.items():
                if (f in held or kind == "made") == (seen == "held"):
                    s = of[f] = score(labels)
                    rows[f] = dict(count(s), auc=common.auc(real, s))
                    if kind == "words":
                        rows[f]["auc of 4, 16"] = [group_auc(real, s, k) for k in (4, 16)]
            if rows:
                rows = dict(sorted(rows.items(), key=lambda x: x[1]["rate"]))
                out[f"{kind}, {seen}"] = {"macro": macro(rows), "families": rows,
                                          "curve": curve(real, of)}
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
    kinds, curves, real = {}, {}, []
    for path in paths:
        with open(path, encoding="ascii") as f:
            figures = json.load(f)[part]
        real.append(figures["real"])
        for kind, rows in figures.items():
            if kind.endswith("held"):
                kinds.setdefault(kind, {}).update(rows["families"])
                curves.setdefault(kind, []).append(rows["curve"])
    whole = sum(r["flagged"] for r in real), sum(r["n"] for r in real)
    out = {"real": {"n": whole[1], "flagged": whole[0], "rate": whole[0] / whole[1],
                    "wilson": common.wilson(whole[0] // len(real), whole[1] // len(real)),
                    "of each fold": [r["rate"] for r in real]}}
    for kind, rows in kinds.items():
        rows = dict(sorted(rows.items(), key=lambda x: x[1]["rate"]))
        out[kind] = {"macro": macro(rows), "families": rows, "curve of each fold": curves[kind]}
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
        for points in rows.get("curve of each fold", [rows.get("curve", [])]):
            print("\nmacro, with so many real names flagged: " + ", ".join(
                f"{100 * x:.1f} % at {100 * far:.1f} %" for far, x in zip(RATES, points)))


def measure_file(a):
    names = dga_data.Names(a.data)
    score = (image_scores if a.model.endswith(".ink") else onnx_scores)(a.model)
    figures = {"model": a.model, a.of: measure(score, names, (), a.of)}
    if a.json:
        with open(a.json[0], "w", encoding="ascii") as f:
            json.dump(figures, f, indent=1)
    return figures[a.of]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--of", default="test", choices=("valid", "test"))
    p.add_argument("--data", help="folder that holds dga/")
    p.add_argument("--model", help="measure this .onnx or .ink file")
    p.add_argument("json", nargs="*", help="figures of one model, or of all folds; with --model, "
                   "where to write them")
    a = p.parse_args()
    if a.model:
        table(measure_file(a))
    elif len(a.json) == 1:
        with open(a.json[0], encoding="ascii") as f:
            table(json.load(f)[a.of])
    else:
        table(join(a.json, a.of))


if __name__ == "__main__":
    main()
