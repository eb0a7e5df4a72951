#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train the flow model: benign, scan, flood, slow or guess, from recorded sets of the traffic lab.

    tools/lab/rows DIR                                    rows of the recorded sets in DIR
    tools/train/flow.py DIR -o flow.onnx [--second flow-b.onnx] [--json FILE]
    tools/train/flow.py DIR --from OLD.onnx -o flow.onnx  trains nothing: offsets and threshold of a model that is there
    tools/train/flow.py DIR --measure flow.ink            figures of a model that is there (.ink or .onnx), on the test set

Lives here: the references that the model has to beat (a rule as one would write by hand, logistic regression, a decision
tree), and the report. What doesn't: the sets (flow_runs.py), rows and made-up rows (flow_rows.py), the training, the
threshold and the file (flow_fit.py), the features (bpf/flow). The sets train, train2, ... fit the weights, valid, valid2,
... choose epoch, seed, offsets, threshold and the rule's limits, test only has its figures printed.
"""
import argparse
import json
import multiprocessing
import os
import subprocess
import tempfile

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import flow_runs
from flow_fit import Work, calibrate, caught_shares, export, in_flood, make_net, restore, scores, threshold_of
from flow_rows import CLASSES, Rows, schema

STRETCHES = ["0.1", "0.316", "1", "3.16", "10"]		# of training; valid and test have the outer ones and 1
INKLING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/inkling")

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


def equal_alarms(sets, score, limit, rule, out):
    """Print what the model catches beside the rule when it flags no more benign flows of each set than the rule does."""
    for s in (s for s in sets if np.isin(s.label, CLASSES[1:]).any()):
        flags, rows = rule.flags(s), np.where(s.label == "benign")[0]
        z, worst = score(s), np.full(s.flow.max() + 1, -np.inf)
        np.maximum.at(worst, s.flow[rows], z[rows])
        worst = np.sort(worst[np.isfinite(worst)])[::-1]
        may = int(s.false_alarms(flags)["flagged"].sum())
        at = max(limit, np.nextafter(worst[may], np.inf))
        model, hand = (flow_runs.by_class(s.caught(f, s.counts)) for f in (z >= at, flags))
        text = []
        for label, (c, n) in model.items():
            h = hand[label][0]
            met = c >= 1.3 * h or min(c, h) >= 0.98 * n
            text.append(f"{label} {c} to {h} of {n}{'' if met else ' (less than 1.3 times)'}")
        entry = {"set": os.path.basename(s.base), "stretch": s.stretch, "equal_alarms": may, "model": model, "rule": hand}
        print(f"at equal false alarms ({int((worst >= at).sum())} to {may}), {entry['set']} x{s.stretch:g}, model to rule: "
              + ", ".join(text), flush=True)
        out.append(entry)


def judge_of(path):
    """Scores of a set's rows by a model's file, and its threshold: .ink as the kernel computes it, ONNX in float."""
    if not path.endswith(".ink"):
        net, limit, _ = restore(path)
        return lambda s: scores(net, s.x), limit
    card = json.loads(subprocess.run([INKLING, "inspect", path, "--json"], check=True, capture_output=True).stdout)

    def score(s):
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([INKLING, "run", path, "--data", s.path, "--out", out.name, "--quiet"], check=True)
            probability = np.fromfile(out.name, "<i2").reshape(len(s.label), len(CLASSES))
        return 32768.0 - probability[:, 0]

    return score, card["threshold"]


def measure(path, valid, test, far):
    """Report a model that is there beside the rule by hand."""
    score, limit = judge_of(path)
    rule, out = Rule.tuned(valid, far), []
    report("model", test, lambda s: score(s) >= limit, out)
    report("rule", test, rule.flags, out)
    for entry in out[:len(test)]:
        details(entry)
    equal_alarms(test, score, limit, rule, out)
    report("model", valid, lambda s: score(s) >= limit, out)
    pairs = [(s, score(s)) for s in valid]
    needed = max(threshold_of([p for p in pairs if p[0].stretch == x], far) for x in {s.stretch for s in valid})
    print(f"threshold {limit:.5g}; one of {needed:.5g} flags at most {100 * far:g} % of valid's benign flows at each stretch")
    return out


def save(path, out):
    if path:
        with open(path, "w", encoding="ascii") as f:
            json.dump(out, f, indent=1)


def options():
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
    ap.add_argument("--offsets", action="store_true", help="shift the attacks' logits against each other, by valid, and "
                    "hold --far at each pace")
    ap.add_argument("--version", default="2.1")
    ap.add_argument("-o", "--out", help="ONNX file to write")
    ap.add_argument("--from", dest="old", metavar="FILE", help="train nothing; weights of an ONNX file of this script that "
                    "has no offsets yet")
    ap.add_argument("--measure", metavar="FILE", help="train nothing; an ONNX file of this script, or what was compiled of it")
    ap.add_argument("--second", metavar="FILE", help="also write the second best seed, for trying swaps")
    ap.add_argument("--json", metavar="FILE", help="write all figures there")
    ap.add_argument("--no-test", action="store_true", help="don't look at the test set")
    args = ap.parse_args()
    if not args.out and not args.measure:
        ap.error("-o FILE or --measure FILE")
    return args


def load(args, name, stretches, count):
    """Sets NAME, NAME2, ... at the given stretches of time; with what tells when a run is caught, if asked for."""
    sets = []
    for base in [name] + [name + str(i) for i in range(2, 10)]:
        path = os.path.join(args.dir, base)
        if base != name and not os.path.exists(path + ".csv"):
            continue
        these = [flow_runs.Set(path, schema(), x, args.local) for x in stretches]
        counts = these[0].packet_counts() if count else {}
        # Friends' connections that had begun before anybody looked (tools/lab/midway).
        if os.path.exists(path + ".mid.csv"):
            these.append(flow_runs.Set(path + ".mid", schema(), "1", args.local))
        for s in these:
            s.counts = counts if s.base == path else {}
        sets += these
    return sets


def fit_seeds(rows, valid, args):
    """(merit, seed, net) of each seed, the best one first."""
    sch, nets = schema(), []
    Work.args = (rows, valid, sch, args)
    with multiprocessing.get_context("fork").Pool(min(args.seeds, os.cpu_count())) as pool:
        for seed, state, value in pool.imap(Work.fit, range(args.seeds)):
            net = make_net(sch.width, args.hidden)
            net.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
            print(f"seed {seed}: merit on valid {value:.4f}", flush=True)
            nets.append((value, seed, net))
    return sorted(nets, key=lambda n: -n[0])


def finish(path, net, seed, valid, args, version):
    """Offsets, threshold and file of a net; its threshold."""
    if args.offsets or args.old:
        offsets, limit = calibrate(net, valid, args.far)
        print("added to the logits of " + ", ".join(f"{c} {v:g}" for c, v in zip(CLASSES[1:], offsets)))
    else:
        limit = threshold_of([(s, scores(net, s.x)) for s in valid], args.far)
    print(f"{path}: seed {seed}, threshold {1 / (1 + np.exp(-limit)):.4f} (logit {limit:.3f})")
    export(path, net, schema(), seed, limit, version)
    return limit


def main():
    args = options()
    torch.set_num_threads(1)
    outer = ["1", "0.1", "10"]
    valid = load(args, "valid", outer, True)
    if args.measure:
        save(args.json, measure(args.measure, valid, load(args, "test", outer, True), args.far))
        return
    if args.old:
        net, _, seed = restore(args.old)
        finish(args.out, net, seed, valid, args, args.version)
        return
    train = load(args, "train", STRETCHES, False)
    rows = Rows(train, args.unproven > 0)
    print(f"train: {len(rows.y)} rows of {len(train)} stretches, by class " + ", ".join(
        f"{c} {int((rows.y == i).sum())}" for i, c in enumerate(CLASSES)), flush=True)
    nets = fit_seeds(rows, valid, args)
    lr = LogisticRegression(max_iter=300, C=1.0).fit(rows.x[::29], rows.y[::29] > 0, rows.w[::29])
    tree = DecisionTreeClassifier(max_leaf_nodes=64, random_state=0).fit(rows.x, rows.y > 0, rows.w)
    rule = Rule.tuned(valid, args.far)
    print("rule by hand: flag when " + " or ".join(f"{n} >= {v}" for n, v in rule.limits.items() if v < NEVER))
    _, seed, net = nets[0]
    judges = {"model": lambda s: scores(net, s.x), "logistic": lambda s: lr.decision_function(s.x),
              "tree": lambda s: tree.predict_proba(s.x)[:, 1]}
    limits = {n: threshold_of([(s, j(s)) for s in valid], args.far) for n, j in judges.items() if n != "model"}
    limits["model"] = finish(args.out, net, seed, valid, args, args.version)
    out = []
    for sets in [valid] + ([] if args.no_test else [load(args, "test", outer, True)]):
        for n, j in judges.items():
            report(n, sets, lambda s, j=j, n=n: j(s) >= limits[n], out)
        report("rule", sets, rule.flags, out)
        equal_alarms(sets, judges["model"], limits["model"], rule, out)
        details(next(e for e in out if e.get("judge") == "model" and e["set"] == os.path.basename(sets[0].base)))
    if args.second and len(nets) > 1:
        _, seed, net = nets[1]
        finish(args.second, net, seed, valid, args, args.version + "-b")
    save(args.json, out)


if __name__ == "__main__":
    main()
