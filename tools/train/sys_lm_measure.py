#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Figures of sys-lm: attacks caught and false alarms, float and int8, beside n-grams.

    tools/train/sys_lm_measure.py --data DIR [sys-lm.bin] [sys-lm.ink] [--slot NAME] [--baselines] [--json FILE]

Lives here: a trace's score, thresholds, baselines and the table. What doesn't: the training (sys_lm.py). A trace's
score is the mean surprise of its calls over all windows, fixed beforehand. Its threshold is such that of the traces
that choose (sys_lm_data.py) at most 4 % reach it, to stay below 5 % on others. Baselines learn from the
same traces as the model, and, as "training", from the data set's training traces alone.
"""
import argparse
import json
import subprocess
import tempfile

import numpy as np
import torch

import llama
import syscall_tokens
from common import auc, threshold_at
from lm_tiny_text import INKLING
from ngram import Counted, Known
from sys_lm_data import KINDS, Traces, targets_of, windows

FALSE_ALARMS = 0.04
WINDOW_ALARMS = 0.005	# of the windows that choose


def float_scores(path):
    """Function from traces to windows' bits and their number of calls."""
    model = llama.load(path)

    def score(traces):
        rows = [windows(t) for t in traces]
        x = torch.from_numpy(np.concatenate(rows))
        sums, counts = [], []
        with torch.no_grad():
            for part in x.split(256):
                y = targets_of(part)
                loss = torch.nn.functional.cross_entropy(model(part.clamp(min=0)).flatten(0, 1), y.flatten(),
                                                         ignore_index=-1, reduction="none").view(y.shape)
                sums.append(loss.sum(1).numpy() / np.log(2))
                counts.append((y >= 0).sum(1).numpy())
        means, counts = np.concatenate(sums), np.concatenate(counts)
        ends = np.cumsum([len(r) for r in rows])[:-1]
        return list(zip(np.split(means / counts, ends), np.split(counts, ends)))
    return score


def int8_scores(path, slot=None):
    def score(traces):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            f.writelines(" ".join(map(str, t)) + "\n" for t in traces)
            f.flush()
            command = [INKLING, "score-text", path, "--ids", f.name, "--json"] + (["--slot", slot] if slot else [])
            out = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
        return [(np.array(o["windows"]) / 65536, np.full(len(o["windows"]), min(o["tokens"], windows(t).shape[1] - 1)))
                for o, t in zip(map(json.loads, out), traces)]
    return score


def means(scored):
    return np.array([np.average(w, weights=n) for w, n in scored])


def figures(name, choose, held, fresh, attacks, kinds):
    """One line of the table; arrays of scores of traces."""
    threshold = threshold_at(choose, FALSE_ALARMS)
    caught = attacks >= threshold
    entry = {"name": name, "threshold": threshold, "auc": auc(held, attacks), "auc_fresh": auc(fresh, attacks),
             "false_alarms": float((held >= threshold).mean()), "false_alarms_fresh": float((fresh >= threshold).mean()),
             "caught": float(caught.mean()), "by": {k: float(caught[kinds == k].mean()) for k in KINDS}}
    print(f"{name:28} AUC {entry['auc']:.3f} ({entry['auc_fresh']:.3f} fresh)  false alarms "
          f"{100 * entry['false_alarms']:.2f} % ({100 * entry['false_alarms_fresh']:.2f})  caught "
          f"{100 * entry['caught']:.1f} %: " + " ".join(f"{k} {100 * v:.1f}" for k, v in entry["by"].items()), flush=True)
    return entry


def measure(name, score, traces):
    attacks, kinds = traces.all_attacks()
    return figures(name, *(score(t) for t in (traces.choose, traces.held, traces.fresh, attacks)), kinds)


def model_line(name, score, traces):
    entry = measure(name, lambda t: means(score(t)), traces)
    every = np.concatenate([w for w, _ in score(traces.choose)])
    entry["window_threshold"] = threshold_at(every, WINDOW_ALARMS)
    entry["bits_a_call"] = float(means(score(traces.held)).mean())
    print(f"{'':28} {WINDOW_ALARMS:.1%} of the choosing windows reach {entry['window_threshold']:.4f} bits; "
          f"a held-out trace has {entry['bits_a_call']:.4f}")
    return entry


def baselines(traces):
    for said, learn in (("", traces.learn), (" training", traces.training)):
        for order in (3, 6, 10):
            known = Known(learn, order)
            yield measure(f"stide {order}{said}", lambda ts, k=known: np.array([k.share(t) for t in ts]), traces)
    count = Counted(traces.learn, 5, syscall_tokens.vocabulary())
    yield measure("5-gram", lambda ts: np.array([count.nats(t).mean() for t in ts]), traces)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True, metavar="DIR")
    ap.add_argument("models", nargs="*", metavar="MODEL.bin|MODEL.ink")
    ap.add_argument("--slot", help="let the kernel run the .ink, in this slot")
    ap.add_argument("--baselines", action="store_true")
    ap.add_argument("--json", metavar="FILE")
    args = ap.parse_args()
    torch.set_num_threads(1)
    traces = Traces(args.data)
    print(f"learned {len(traces.learn)}, choose {len(traces.choose)}, held {len(traces.held)} ({len(traces.fresh)} fresh), "
          f"attacks {sum(map(len, traces.attacks.values()))}")
    entries = list(baselines(traces)) if args.baselines else []
    for path in args.models:
        score = int8_scores(path, args.slot) if path.endswith(".ink") else float_scores(path)
        entries.append(model_line("sys-lm int8" if path.endswith(".ink") else "sys-lm float", score, traces))
    if args.json:
        with open(args.json, "w", encoding="ascii") as f:
            json.dump(entries, f, indent=1)


if __name__ == "__main__":
    main()
