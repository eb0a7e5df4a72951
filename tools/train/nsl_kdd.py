#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train `nsl-kdd`: normal or attack from the 41 columns of NSL-KDD.

Lives here: the data set and its official split, the choice of settings, epoch
and seed with whole attack types held out, the threshold, the export. What
doesn't: the training loop (committee.py), front end, ONNX writer and measures
(common.py).

KDDTest+ is read by --report, -o and --test-csv, only to print or write; no
setting, epoch, seed or threshold depends on it.

    tools/train/nsl_kdd.py --data DIR -o models/nsl-kdd.onnx
    tools/train/nsl_kdd.py --data DIR --report               median on KDDTest+
    tools/train/nsl_kdd.py --data DIR --select             held-out attack types
    tools/train/nsl_kdd.py --data DIR --seed 3 -o s3.onnx \\
            --calibration c.csv --test-csv t.csv           for `inkling eval`
"""
import argparse
import collections
import lzma
import os
import sys

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans

import committee
import common

CLASSES = ("normal", "attack")
FAR = 0.01			# share of held-out normal rows that may be flagged
SHIPPED_SEED = 0			# fixed beforehand
SEEDS = 5

COLUMNS = """duration protocol_type service flag src_bytes dst_bytes land
wrong_fragment urgent hot num_failed_logins logged_in num_compromised
root_shell su_attempted num_root num_file_creations num_shells
num_access_files num_outbound_cmds is_host_login is_guest_login count
srv_count serror_rate srv_serror_rate rerror_rate srv_rerror_rate
same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count
dst_host_srv_count dst_host_same_srv_rate dst_host_diff_srv_rate
dst_host_same_src_port_rate dst_host_srv_diff_host_rate
dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate
dst_host_srv_rerror_rate""".split()

# Counters: a step from 0 to 1 says more than one from 30 to 31.
LOG2 = {"duration": 65535, "src_bytes": 1048575, "dst_bytes": 1048575,
        "wrong_fragment": 3, "urgent": 3, "hot": 31, "num_failed_logins": 7,
        "num_compromised": 31, "su_attempted": 3, "num_root": 31,
        "num_file_creations": 31, "num_shells": 3, "num_access_files": 15,
        "count": 511, "srv_count": 511}
LINEAR = {"dst_host_count": 255, "dst_host_srv_count": 255}

# Attack to category, as commonly published; the second half is in KDDTest+ only.
CATEGORY = {t: c for c, types in {
    "normal": "normal",
    "dos": "back land neptune pod smurf teardrop "
           "apache2 mailbomb processtable udpstorm worm",
    "probe": "ipsweep nmap portsweep satan mscan saint",
    "r2l": "ftp_write guess_passwd imap multihop phf spy warezclient "
           "warezmaster httptunnel named sendmail snmpgetattack snmpguess "
           "xlock xsnoop",
    "u2r": "buffer_overflow loadmodule perl rootkit ps sqlattack xterm",
}.items() for t in types.split()}
CATEGORIES = ("dos", "probe", "r2l", "u2r")

# Attack types that a fold of --select hides from training; each hides some of
# every category. r2l and u2r count as one group: u2r has 52 rows in all.
FOLDS = (
    ("neptune", "nmap", "spy", "multihop", "perl"),
    ("smurf", "ipsweep", "guess_passwd", "loadmodule", "land"),
    ("back", "portsweep", "warezclient", "rootkit"),
    ("teardrop", "satan", "warezmaster", "phf", "buffer_overflow"),
    ("pod", "imap", "ftp_write", "satan", "ipsweep"),
)
GROUP = {"dos": "dos", "probe": "probe", "r2l": "r2l+u2r", "u2r": "r2l+u2r"}

# What a committee is made of is told in committee.py. Each row of this list is
# the one before it, changed in something.
ONE = {"members": 1, "swap": 0.3, "mixed": 192, "hide_share": 0.5,
       "dropout": 0.2}
BAG = dict(ONE, members=5, bag=0.5)
WIDE = dict(BAG, scattered=96)
CANDIDATES = {
    "plain": {},
    "one": ONE,
    "one-long": dict(ONE, hidden=(128, 64), steps=3000),
    "mean": dict(ONE, members=5),
    "bag": BAG,
    "scattered": dict(ONE, members=5, scattered=96),
    "bag-scattered": WIDE,
    "bag-scattered-3": dict(WIDE, bag=0.3),
    "bag-scattered-7": dict(WIDE, bag=0.7),
    "bag-scattered+": dict(WIDE, scattered=192),
    "columns-7": dict(WIDE, subspace=0.7),
    "columns-85": dict(WIDE, subspace=0.85),
    "alone": dict(WIDE, members=6, alone=1, shuffled=96),
    "small": dict(WIDE, members=10, hidden=(32, 16)),
}
SETTINGS = dict(committee.PLAIN, **CANDIDATES["columns-7"])


class Data:
    """KDDTrain+ and, only when asked for, KDDTest+."""

    def __init__(self, folder):
        self.folder = folder
        self.train = self._read("KDDTrain+.txt")
        services = sorted({r[2] for r in self.train})
        flags = sorted({r[3] for r in self.train})
        self.schema = make_schema(services, flags)
        self.x = self._unit(self.train)
        # The front end gives 256 levels; so does training.
        self.levels = common.quant_input(self.x).astype(np.float32)
        self.type = np.array([r[41] for r in self.train])
        order = np.random.RandomState(7)
        normal = order.permutation(np.where(self.type == "normal")[0])
        cut = len(normal) // 5
        self.held, self.normal = normal[:cut], normal[cut:]
        self.attack = np.where(self.type != "normal")[0]
        self.cluster = None

    def _read(self, name):
        for part in (name, name + ".xz", os.path.join("nsl-kdd", name),
                     os.path.join("nsl-kdd", name + ".xz")):
            path = os.path.join(self.folder, part)
            if os.path.exists(path):
                break
        else:
            sys.exit(f"{self.folder}: neither {name} nor {name}.xz nor "
                     f"nsl-kdd/{name}[.xz] in it; give the folder with --data")
        opener = lzma.open if path.endswith(".xz") else open
        with opener(path, "rt", encoding="ascii") as f:
            rows = [line.strip().split(",") for line in f if line.strip()]
        for i, r in enumerate(rows):
            if len(r) != 43:
                sys.exit(f"{path}:{i + 1}: {len(r)} columns, not the 43 of "
                         "NSL-KDD (41 features, attack, difficulty)")
            if r[41] not in CATEGORY:
                sys.exit(f"{path}:{i + 1}: attack {r[41]} has no category")
        return rows

    def normal_clusters(self):
        """100 groups of alike normal rows, for folds that hide some."""
        if self.cluster is None:
            every = np.concatenate([self.held, self.normal])
            means = MiniBatchKMeans(100, random_state=7, n_init=1)
            self.cluster = np.full(len(self.x), -1)
            self.cluster[every] = means.fit_predict(self.x[every])
        return self.cluster

    def _unit(self, rows):
        unit = self.schema.unit(self.schema.expand([r[:41] for r in rows]))
        return np.clip(unit, 0, 1).astype(np.float32)

    def test(self):
        rows = self._read("KDDTest+.txt")
        return rows, self._unit(rows), np.array([r[41] for r in rows])


def make_schema(services, flags):
    cats = {"protocol_type": ["tcp", "udp", "icmp"], "service": services,
            "flag": flags}
    out = []
    for name in COLUMNS:
        if name in cats:
            out.append(common.Feature(name, "onehot", cats=cats[name]))
        elif name in LOG2:
            out.append(common.Feature(name, "log2", 0, LOG2[name]))
        elif name.endswith("_rate"):
            out.append(common.Feature(name, "linear", 0, 1, 2))
        else:
            out.append(common.Feature(name, "linear", 0, LINEAR.get(name, 1)))
    return common.Schema(out)


# ---- training -----------------------------------------------------------

def train_model(data, normals, attacks, s, seed, look=None):
    """Layers of the committee; look(layers) at committee.CHECKS points."""
    torch.manual_seed(seed)
    gen = np.random.RandomState(seed)
    sampler = committee.Sampler(data.levels, data.schema.owner, data.type,
                                normals, attacks, COLUMNS.index("service"), s,
                                gen)
    return committee.train(sampler, s, gen, look)


def score(layers, x):
    return common.float_logits(layers, x)[:, 0]


# ---- choice of settings -------------------------------------------------

def judge(data, layers, fold):
    """How a model does on what its fold hid; a dict of shares.

    The threshold comes from held-out rows of the normal clusters that the
    model knows. AUC takes as many normal rows of hidden as of known clusters.
    """
    quiet = score(layers, data.x[fold["held"]])
    strange = score(layers, data.x[fold["strange"]])
    limit = common.threshold_at(quiet, FAR)
    both = np.concatenate([quiet, strange])
    sums = collections.defaultdict(lambda: np.zeros(3))
    for t, rows in fold["types"].items():
        z = score(layers, data.x[rows])
        w = np.sqrt(min(len(rows), 1000))
        sums[GROUP[CATEGORY[t]]] += w * np.array(
            [1, np.mean(z >= limit), common.auc(both, z)])
    out = {"far": np.mean(strange >= limit),
           "known": np.mean(score(layers, data.x[fold["known"]]) >= limit)}
    for g, v in sums.items():
        out[f"recall {g}"], out[f"auc {g}"] = v[1:] / v[0]
    return out


def make_fold(data, f):
    """Rows that fold f fits, and those that it hides."""
    names = FOLDS[f]
    gen = np.random.RandomState(3)
    away = np.isin(data.type[data.attack], names)
    rest = gen.permutation(data.attack[~away])
    hide = data.normal_clusters() % len(FOLDS) == f
    held = data.held[~hide[data.held]]
    strange = np.where(hide)[0]
    return {"types": {t: np.where(data.type == t)[0][:2000] for t in names},
            "known": rest[:4000], "attacks": rest[4000:],
            "normals": data.normal[~hide[data.normal]], "held": held,
            "strange": gen.choice(strange, len(held),
                                  replace=len(strange) < len(held))}


def judge_seed(data, s, seed):
    """Mean over folds at each check."""
    folds = []
    for f in range(len(FOLDS)):
        fold, checks = make_fold(data, f), []
        train_model(data, fold["normals"], fold["attacks"], s, 100 * seed + f,
                    lambda l: checks.append(judge(data, l, fold)))
        folds.append(checks)
    return [average([f[c] for f in folds]) for c in range(committee.CHECKS)]


def average(dicts):
    keys = {k for d in dicts for k in d}
    out = {k: float(np.mean([d[k] for d in dicts if k in d])) for k in keys}
    groups = set(GROUP.values())
    out["recall"] = np.mean([out[f"recall {g}"] for g in groups])
    out["auc"] = np.mean([out[f"auc {g}"] for g in groups])
    # Half how well the threshold does on unseen kinds, half how well it ranks.
    out["merit"] = ((out["recall"] + 1 - out["far"]) / 2 + out["auc"]) / 2
    return out


def select(data, name, s, seeds):
    got = [judge_seed(data, s, seed) for seed in seeds]
    for c in range(committee.CHECKS):
        m = average([g[c] for g in got])
        parts = " ".join(f"{g} {m['recall ' + g]:.3f}/{m['auc ' + g]:.3f}"
                         for g in sorted(set(GROUP.values())))
        print(f"{name:12s} step {(c + 1) * (s['steps'] // committee.CHECKS):5d} "
              f"merit {m['merit']:.4f}: hidden types recall "
              f"{m['recall']:.4f} AUC {m['auc']:.4f}, hidden normals "
              f"flagged {m['far']:.4f}, known types {m['known']:.4f} "
              f"(recall/AUC {parts})", flush=True)
    print(f"{name:12s} merit by seed: " + " ".join(
        f"{seed}: {g[-1]['merit']:.4f}" for seed, g in zip(seeds, got)),
        flush=True)


# ---- the model ----------------------------------------------------------

def calibrated(layers, data):
    """Threshold at FAR of the held-out rows put at p = 0.5, two logits.

    Logits are shifted and divided, which changes no order of rows, so that
    the threshold is the middle of the Q15 scale and 99.9 % of the training
    rows lie within +-9 where the scale still tells them apart.
    """
    quiet = score(layers, data.x[data.held])
    limit = common.threshold_at(quiet, FAR)
    every = np.concatenate([quiet, score(layers, data.x[data.attack])])
    heat = max(1.0, np.quantile(np.abs(every - limit), 0.999) / 9)
    w, b = layers[-1]
    w, b = w / heat, (b - limit) / heat
    return layers[:-1] + [(np.vstack([-w / 2, w / 2]),
                           np.concatenate([-b / 2, b / 2]))]


def margin(logits):
    return logits[:, 1] - logits[:, 0]


def measure(z, types):
    """Accuracy, false alarms, AUC and recall by category of margins."""
    category = np.array([CATEGORY[t] for t in types])
    attack = category != "normal"
    hit = z >= 0
    out = {"accuracy": np.mean(hit == attack), "far": np.mean(hit[~attack]),
           "auc": common.auc(z[~attack], z[attack]),
           "recall": np.mean(hit[attack])}
    for c in CATEGORIES:
        out[c] = np.mean(hit[category == c])
    return {k: float(v) for k, v in out.items()}


def calibration_rows(data):
    """Rows of the fitting part: half normal, attacks tempered by type."""
    gen = np.random.RandomState(5)
    normal = gen.choice(data.normal, 5000, replace=False)
    kinds, count = np.unique(data.type[data.attack], return_counts=True)
    share = np.sqrt(count)
    attack = [gen.choice(np.where(data.type == t)[0],
                         min(n, int(5000 * p) + 1), replace=False)
              for t, n, p in zip(kinds, count, share / share.sum())]
    return gen.permutation(np.concatenate([normal] + attack))


def show(prefix, m):
    print(f"{prefix} accuracy {m['accuracy']:.4f} AUC {m['auc']:.4f} "
          f"false alarms {m['far']:.4f} recall {m['recall']:.4f} (" +
          " ".join(f"{c} {m[c]:.3f}" for c in CATEGORIES) + ")", flush=True)


def build(data, seed):
    return calibrated(train_model(data, data.normal, data.attack, SETTINGS,
                                  seed), data)


def report(data, count):
    _, x, types = data.test()
    sample = data.x[calibration_rows(data)]
    real, small = [], []
    for seed in range(count):
        layers = build(data, seed)
        real.append(measure(margin(common.float_logits(layers, x)), types))
        small.append(measure(margin(common.int8_logits(layers, x, sample)),
                             types))
        show(f"seed {seed} float        ", real[-1])
        show(f"seed {seed} int8 estimate", small[-1])
    for name, got in (("float        ", real), ("int8 estimate", small)):
        show(f"median {name}", {k: float(np.median([g[k] for g in got]))
                                for k in got[0]})


def export(data, args):
    layers = None
    if args.output:
        layers = build(data, args.seed)
        rows, x, types = data.test()
        m = measure(margin(common.float_logits(layers, x)), types)
        units = "-".join(str(len(b)) for _, b in layers)
        common.write_mlp(args.output, "nsl-kdd", data.schema, layers, {
            "name": "nsl-kdd", "version": "1.0", "license": "GPL-2.0-only",
            "description": "Normal or attack from the 41 columns of an "
            "NSL-KDD connection record. For comparison on a known benchmark; "
            "its traffic is of 1998.",
            "classes": "|".join(CLASSES), "head": "classes",
            "threshold": "0.5",
            "training": "NSL-KDD, KDDTrain+ without a fifth of its normal "
            f"rows, seed {args.seed}, {units} units; threshold at 1 % of that "
            "fifth; settings chosen with attack types of KDDTrain+ held out, "
            "seed fixed beforehand",
            "accuracy": f"float on KDDTest+: {100 * m['accuracy']:.2f} %, "
            f"AUC {m['auc']:.4f}, false alarms {100 * m['far']:.2f} %, "
            "recall " + " ".join(f"{c} {100 * m[c]:.1f}" for c in CATEGORIES)
            + " %"})
        show(f"seed {args.seed} float        ", m)
        show(f"seed {args.seed} int8 estimate", measure(margin(
            common.int8_logits(layers, x, data.x[calibration_rows(data)])),
            types))
        back = common.run_onnx(args.output, np.clip(
            data.schema.expand([r[:41] for r in rows]), data.schema.lo,
            data.schema.hi))
        attack = types != "normal"
        print(f"{args.output}: {os.path.getsize(args.output)} bytes, read "
              f"back: accuracy {np.mean((back[:, 1] >= 0.5) == attack):.4f}")
    if args.calibration:
        pick = calibration_rows(data)
        csv_rows(args.calibration, data, [data.train[i] for i in pick])
    if args.test_csv:
        csv_rows(args.test_csv, data, data.test()[0])


def csv_rows(path, data, rows):
    common.write_csv(path, data.schema, [r[:41] for r in rows], {
        "label": [CLASSES[r[41] != "normal"] for r in rows],
        "category": [CATEGORY[r[41]] for r in rows],
        "attack": [r[41] for r in rows]})
    print(f"{path}: {len(rows)} rows")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--data", required=True, metavar="DIR",
                   help="folder with KDDTrain+.txt and KDDTest+.txt (or .xz)")
    p.add_argument("-o", "--output", metavar="FILE", help="ONNX file to write")
    p.add_argument("--seed", type=int, default=SHIPPED_SEED, metavar="N",
                   help="seed of the exported model (default %(default)s)")
    p.add_argument("--seeds", type=int, default=SEEDS, metavar="N",
                   help="seeds of --report and --select (default %(default)s)")
    p.add_argument("--report", action="store_true",
                   help="train with each seed, print the median on KDDTest+")
    p.add_argument("--select", nargs="*", metavar="NAME",
                   help="judge candidate settings (default: all) or the seeds "
                   "of the chosen one (chosen) on hidden attack types of "
                   "KDDTrain+; slow")
    p.add_argument("--calibration", metavar="FILE",
                   help="write training rows as CSV for `inkling compile`")
    p.add_argument("--test-csv", metavar="FILE",
                   help="write KDDTest+ as CSV for `inkling eval`")
    args = p.parse_args()
    if args.seeds < 1:
        p.error("--seeds: at least 1")
    torch.set_num_threads(1)
    data = Data(args.data)
    if args.select is not None:
        for name in args.select or list(CANDIDATES) + ["chosen"]:
            if name == "chosen":
                select(data, name, SETTINGS, range(args.seeds))
            elif name in CANDIDATES:
                select(data, name, dict(committee.PLAIN, **CANDIDATES[name]), (0, 1))
            else:
                p.error(f"--select: no candidate {name}; there are chosen "
                        f"{' '.join(CANDIDATES)}")
    if args.report:
        report(data, args.seeds)
    if args.output or args.calibration or args.test_csv:
        export(data, args)
    elif not args.report and args.select is None:
        p.error("nothing to do: give -o, --report, --select, --calibration "
                "or --test-csv")


if __name__ == "__main__":
    main()
