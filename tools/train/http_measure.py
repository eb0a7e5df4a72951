#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a judge of requests is worth: the model in float, as compiled, or a rule by hand.

Lives here: the sets that are measured, scores, the threshold, the rule, and the
tables. What doesn't: the model (http_train.py), lists and splits (http_data.py).

    tools/train/http_measure.py all.json                    tables of one model, worst first
    tools/train/http_measure.py --data DIR --ink models/http.ink --json int8.json
    tools/train/http_measure.py --data DIR --rule --json rule.json
"""
import argparse
import glob
import json
import lzma
import os
import re
import subprocess

import numpy as np

import common
import http_data
import http_make
from http_data import CLASSES

# Shares of valid harmless requests that may be flagged: CSIC's, and those of other sites. The goals
# are 0.5 and 2 %.
FAR_CSIC, FAR_OTHER = 0.003, 0.007

# What an administrator would write, over requests without escapes and in small letters.
RULE = tuple((kind, re.compile(pattern, re.S)) for kind, pattern in (
    ("command", r"<!--\s*#\s*(?:exec|include|echo|printenv|config)"),
    ("xss", r"<\s*/?\s*(?:script|iframe|object|embed|svg|img|style|link|meta|body|form|base|applet)\b"),
    ("xss", r"(?:java|vb)script\s*:|\bon(?:error|load|click|focus|mouse\w+|key\w+)\s*=|expression\s*\("),
    ("xss", r"\b(?:alert|prompt|confirm|eval)\s*\(|document\s*\.\s*(?:cookie|location|write)|fromcharcode"),
    ("sqli", r"\bunion\b.{0,30}\bselect\b|\bselect\b.{1,80}\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b"),
    ("sqli", r"\b(?:drop|alter|create|truncate)\s+(?:table|database|user)\b|\bupdate\b.{1,40}\bset\b"),
    ("sqli", r"['\"`)]\s*(?:or|and|xor|\|\||&&|having|like|union|order by|group by|waitfor)\b"),
    ("sqli", r"\b(?:or|and)\s+['\"(]*\w+['\")]*\s*(?:=|<|>|like|in|between)\s*['\"(]*\w*"),
    ("sqli", r"\b(?:sleep|benchmark|pg_sleep|extractvalue|updatexml|load_file|concat|char|chr|ascii)\s*\("),
    ("sqli", r"waitfor\s+delay|information_schema|xp_cmdshell|into\s+(?:out|dump)file|@@version|sysobjects"),
    ("sqli", r"['\")\d]\s*(?:--|#|/\*|;)|'\s*=\s*'|/\*.*?\*/"),
    ("traversal", r"\.\.+[/\\]|[/\\]\.\.|/etc/|/proc/self|(?:win|boot|php)\.ini|web-inf|(?:file|php|expect|zip|phar)://"),
    ("command", r"[;|&`]\s*(?:/?\w+/)*(?:cat|ls|id|whoami|uname|ping|wget|curl|nc|bash|sh|dir|type|sleep|echo|ps|rm|net)\b"),
    ("command", r"\$\(|\$\{|`[^`]+`|(?:system|exec|passthru|shell_exec|popen)\s*\(|<\?|/bin/|cmd\.exe"),
))


def windows(requests):
    """Tokens of all windows, and of each request the first one and their number."""
    w = http_data.tokens(requests)
    count = np.bincount(w["line"], minlength=len(requests))
    return np.ascontiguousarray(w["tokens"]), np.cumsum(count) - count, count


def texts(requests):
    """As the rule reads them: the text's own separators are blanks."""
    tokens, first, count = windows(requests)
    for at, n in zip(first, count):
        rows = [bytes(t - 1 for t in row if t) for row in tokens[at:at + n].tolist()]
        yield b"\n".join(rows).translate(bytes([32] * 8 + list(range(8, 256)))).decode("latin-1")


def rule(requests):
    """(score, class): of the first pattern that is found."""
    found = [next((CLASSES.index(kind) for kind, pattern in RULE if pattern.search(text)), 0)
             for text in texts(requests)]
    return np.where(np.array(found) > 0, 1.0, -1.0), np.array(found)


def csic_classes(requests):
    """CSIC tells anomalous ones from normal ones only; of what kind, the rule says."""
    found = rule(requests)[1]
    return np.where(found > 0, found, CLASSES.index("other"))


# ---- sets ---------------------------------------------------------------

class Sets:
    """All requests and values, by part."""

    def __init__(self, folder):
        self.csic = http_data.Csic(os.path.join(folder, "csic2010"))
        self.payloads = http_data.Payloads(os.path.join(folder, "http-payloads"), self.csic)
        self.folder, params = folder, self.payloads.known["benign"]
        names = http_data.read(os.path.join(folder, "text", "names.txt")).decode().split()
        stories = http_data.sentences(folder, "tinystories_197k.first75.txt")
        logs = {"train": ("Linux_2k.log", "HDFS_2k.log"), "valid": ("Apache_2k.log", "BGL_2k.log"),
                "test": ("OpenSSH_2k.log",)}
        domains = {"train": "benign_umbrella.csv", "valid": "benign_opendns_top.txt", "test": "benign_opendns_top.txt"}
        self.text = {}
        for part in ("train", "valid", "test"):
            def of(lines, part=part):
                return [x for x in lines if http_data.part_of(x.encode(), 0.5, 0.25) == part]
            self.text[part] = {
                "sentences": http_data.sentences(folder, "tinyshakespeare.first90.txt") if part == "train" else
                [x for x in stories if (http_data.share(x.encode()) < 0.5) == (part == "valid")],
                "names": of(names), "params": params[part],
                "domains": http_data.domains(folder, domains[part]) if part == "train" else of(http_data.domains(folder, domains[part])),
                "logs": [x for name in logs[part] for x in http_data.log_lines(folder, name)]}

    def captured(self):
        """Requests of harmless captures, as they were."""
        out, hostile = {}, ("WebattackSQLinj", "xss", "http-manipulated")
        for path in sorted(glob.glob(os.path.join(self.folder, "pcap-*", "**", "*.pcap*"), recursive=True)):
            name = os.path.basename(path)
            if "pcap-attack" in path or name.startswith(hostile) or not os.path.isfile(path):
                continue
            with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
                for line in re.findall(rb"((?:GET|POST|HEAD|PUT|OPTIONS) (?:/|http://)[^\r\n]* HTTP/1\.[01])\r\n", f.read()):
                    out[line.decode("latin-1"), ""] = None
        return list(out)


def foreign_benign(sets, part):
    """Name: requests of sites other than CSIC's."""
    text = sets.text[part]
    if part == "valid":
        make = http_make.Maker(77, text)
        return {k: [make.request(v) for v in values[:1500]] for k, values in text.items()} | \
            {"made up": [make.request(make.benign()) for _ in range(3000)]}
    values = {"HttpParams": text["params"], "stories": text["sentences"][:1000], "names": text["names"][:1000],
              "domains": text["domains"][:1000], "log lines": text["logs"][:1000]}
    values |= {name.removesuffix(".txt"): lines for name, lines in sets.payloads.held.items()
               if sets.payloads.of_class[name] == "benign"}
    return {k: [r for v in vs for r in http_data.in_templates(v)] for k, vs in values.items()} | \
        {"captures": sets.captured()}


def foreign_attacks(sets, part):
    """(class, name): requests of sites other than CSIC's."""
    p = sets.payloads
    if part == "valid":
        make = http_make.Maker(78, sets.text["valid"])
        return {(c, "HttpParams"): [make.request(v) for v in p.known[c]["valid"] * (1 if c == "sqli" else 10)] for c in CLASSES[1:5]} | \
            {(c, "made up"): [make.request(getattr(make, c)()) for _ in range(1000)] for c in CLASSES[1:5]}
    return {(p.of_class[name], name.removesuffix(".txt")): [r for v in lines for r in http_data.in_templates(v)]
            for name, lines in p.held.items() if p.of_class[name] != "benign"}


# ---- scores -------------------------------------------------------------

def logits(net, requests):
    """Of all windows in float, and of each request the first one and their number."""
    import torch		# pylint: disable=import-outside-toplevel # the compiled model needs none

    tokens, first, count = windows(requests)
    with torch.no_grad():
        z = [net.logits(torch.from_numpy(tokens[i:i + 512].astype(np.int64))).double().numpy()
             for i in range(0, len(tokens), 512)]
    return np.concatenate(z), first, count


def judged(z, first, count):
    """Log odds of harm of each request's worst window, and its class."""
    odds = np.logaddexp.reduce(z[:, 1:], 1) - z[:, 0]
    at = np.array([f + int(np.argmax(odds[f:f + n])) for f, n in zip(first, count)])
    return odds[at], np.where(odds[at] >= 0, 1 + z[at, 1:].argmax(1), 0)


def scorer(net):
    """The model in float."""
    return lambda requests: judged(*logits(net, requests))


def engine(path):
    """The compiled model, by the scorer itself."""
    def score(requests):
        lines = b"\n".join(map(http_data.log_line, requests))
        done = subprocess.run([http_data.TOOL, "http", "--model", path, "--all"], input=lines,
                              stdout=subprocess.PIPE, check=True)
        rows = [json.loads(x) for x in done.stdout.splitlines()]
        s = np.clip([x["score"] for x in rows], 1e-5, 1 - 1e-5)
        return np.log(s / (1 - s)), np.array([CLASSES.index(x["class"]) for x in rows])
    return score


def calibrate(net, sets):
    """Shift the logits so that harmless valid requests rarely reach one half.

    "other" is what CSIC's site isn't asked, and where most of its false alarms are: how much less it
    counts than the attacks is chosen too, by what of the valid attacks is found.
    """
    import torch		# pylint: disable=import-outside-toplevel

    own = logits(net, sets.csic.normal["valid"])
    foreign = [logits(net, r) for r in foreign_benign(sets, "valid").values()]
    spoilt = logits(net, sets.csic.anomalous["valid"])
    attacks = {}
    for (kind, _), requests in foreign_attacks(sets, "valid").items():
        attacks.setdefault(kind, []).append(logits(net, requests))
    best = (-1.0,)
    for less in np.arange(-2, 8.1, 0.5):
        def odds(z, less=less):
            return judged(z[0] - less * (np.arange(len(CLASSES)) == CLASSES.index("other")), *z[1:])[0]
        limit = max(common.threshold_at(odds(own), FAR_CSIC),
                    common.threshold_at(np.concatenate([odds(z) for z in foreign]), FAR_OTHER))
        found = [np.mean(odds(spoilt) >= limit)] + \
            [np.mean(np.concatenate([odds(z) for z in zs]) >= limit) for zs in attacks.values()]
        best = max(best, (float(np.mean(found)), less, limit))
    print(f"merit {best[0]:.4f} with \"other\" less by {best[1]}, threshold {best[2]:.3f}")
    with torch.no_grad():
        net.head.bias[0] += best[2]
        net.head.bias[CLASSES.index("other")] -= best[1]


def row(score, requests, kind=None):
    s, found = score(requests)
    out = {"n": len(s), "flagged": int((found > 0).sum()), "rate": float((found > 0).mean()),
           "wilson": common.wilson(int((found > 0).sum()), len(s))}
    if kind:
        out["as it is"] = int((found == CLASSES.index(kind)).sum())
    return out, s


def measure(score, sets, part):
    """All figures of one part."""
    normal, low = row(score, sets.csic.normal[part])
    anomalous, high = row(score, sets.csic.anomalous[part])
    out = {"csic": {"normal": normal, "anomalous": anomalous, "auc": common.auc(low, high)}}
    classes = csic_classes(sets.csic.anomalous[part])
    for i, name in enumerate(CLASSES):
        rows = [r for r, c in zip(sets.csic.anomalous[part], classes) if c == i]
        if rows:
            out["csic"]["anomalous, " + name] = row(score, rows, name)[0]
    out["benign"] = {name: row(score, r)[0] for name, r in foreign_benign(sets, part).items()}
    out["attacks"] = {}
    for (kind, name), requests in foreign_attacks(sets, part).items():
        out["attacks"].setdefault(kind, {})[name] = row(score, requests, kind if kind != "apart" else None)[0]
    return out


def total(rows):
    rows = list(rows)
    n, k = sum(r["n"] for r in rows), sum(r["flagged"] for r in rows)
    return {"n": n, "flagged": k, "rate": k / n, "wilson": common.wilson(k, n), "mean": float(np.mean([r["rate"] for r in rows]))}


def merit(figures):
    """What settings and seeds are chosen by, of the valid part."""
    attacks = figures["attacks"].values()
    return float(np.mean([figures["csic"]["anomalous"]["rate"]] + [total(x.values())["rate"] for x in attacks]))


def show(part, f):
    c = f["csic"]
    print(f"{part}: CSIC normal {c['normal']['flagged']} of {c['normal']['n']} ({100 * c['normal']['rate']:.2f} %), "
          f"anomalous {c['anomalous']['flagged']} of {c['anomalous']['n']} ({100 * c['anomalous']['rate']:.2f} %), AUC {c['auc']:.4f}")
    for kind, rows in [("csic", {k: v for k, v in c.items() if "," in k}), ("benign", f["benign"])] + list(f["attacks"].items()):
        t = total(rows.values())
        print(f"  {kind}: {t['flagged']} of {t['n']} ({100 * t['rate']:.2f} %), mean of {len(rows)} sets {100 * t['mean']:.2f} %")
        for name, r in sorted(rows.items(), key=lambda x: x[1]["rate"], reverse=kind == "benign"):
            print(f"    {name:62} {r['flagged']:6} of {r['n']:6} {100 * r['rate']:6.2f} %  class {r.get('as it is', '')}")
    print(f"  merit {merit(f):.4f}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("figures", nargs="?", help="JSON of earlier figures, to be shown")
    p.add_argument("--data")
    p.add_argument("--ink", help="compiled model")
    p.add_argument("--rule", action="store_true", help="the rule by hand")
    p.add_argument("--of", nargs="*", default=["valid", "test"])
    p.add_argument("--json")
    p.add_argument("--lines", help="where to write requests of the test as lines of a log")
    a = p.parse_args()
    if a.figures:
        with open(a.figures, encoding="ascii") as f:
            out = json.load(f)
    else:
        sets = Sets(a.data)
        out = {part: measure(engine(a.ink) if a.ink else rule, sets, part) for part in a.of}
        if a.lines:
            requests = sets.csic.normal["test"] + sets.csic.anomalous["test"] + \
                [r for rs in foreign_attacks(sets, "test").values() for r in rs[::8]]
            with open(a.lines, "wb") as f:
                f.writelines(http_data.log_line(r) + b"\n" for r in requests)
    for part in a.of:
        show(part, out[part])
    if a.json:
        with open(a.json, "w", encoding="ascii") as f:
            json.dump(out, f, indent=1)


if __name__ == "__main__":
    main()
