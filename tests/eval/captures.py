# SPDX-License-Identifier: GPL-2.0-only
"""The shipped flow model over public captures, on none of which it was trained: `inkling replay`, capture by capture.

Lives here: who is protected in a capture (those who didn't begin), harmless captures (pcap-ndpi less the list in
ndpi-hostile.txt) and labelled attacks (pcap-attack). What doesn't: the lab's own sets (tools/train/flow.py).
"""
import csv
import glob
import json
import lzma
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/train"))
from flow_runs import interval  # pylint: disable=wrong-import-position

MODEL = "models/flow.ink"
ANSWERS = ("reply", "icmp-error")	# as a first packet: the other side began


def protected(rows):
    """Addresses that were spoken to more often than they began, from rows of features in which all packets come in."""
    begun, pairs = {}, set()
    for row in csv.DictReader(rows):
        a, b = row["remote"], row["local"]
        if (a, b) in pairs or (b, a) in pairs:
            continue
        pairs.add((a, b))
        if row["start"] in ANSWERS:
            a, b = b, a
        begun[a] = begun.get(a, 0) + 1
        begun[b] = begun.get(b, 0) - 1
    return sorted(a for a, n in begun.items() if n < 0)


def plain(path, work):
    """The capture without its .xz."""
    if not path.endswith(".xz"):
        return path
    out = os.path.join(work, os.path.basename(path)[:-3])
    with lzma.open(path) as f, open(out, "wb") as to:
        to.write(f.read())
    return out


def replay(path, run, inkling, work):
    """Judged flows of a capture, how many of them are flagged, and by which class."""
    path = plain(path, work)
    rows = os.path.join(work, "rows.csv")
    run(inkling, "features", path, "-q", "-o", rows)
    with open(rows, encoding="ascii") as f:
        local = protected(f)
    options = [w for a in local for w in ("--local", a)]
    result = json.loads(run(inkling, "replay", path, "--model", MODEL, "--json", "-q", *options))
    classes = {c["class"]: c["flows"] for c in result["classes"][1:] if c["flows"]}
    return {"capture": os.path.basename(path), "flows": result["flows"] - result["flows_out"],
            "flagged": sum(classes.values()), "packets": result["packets"], "classes": classes}


def said(entry):
    by = ", ".join(f"{n} {c}" for c, n in entry["classes"].items())
    return f"{entry['flagged']:6} of {entry['flows']:6} flows flagged{' (' + by + ')' if by else ''}"


def hostile():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ndpi-hostile.txt"), encoding="ascii") as f:
        return {w.split()[0] for w in f if w.strip() and not w.startswith("#")}


def harmless(data, run, inkling, work):
    """pcap-ndpi: what is flagged of harmless captures, and of the hostile ones beside it."""
    folder = os.path.join(data, "pcap-ndpi", "pcap")
    paths = sorted(glob.glob(os.path.join(folder, "*.pcap*")))
    if not paths:
        print("flow         left out: DATA has no pcap-ndpi/pcap")
        return [{"model": "flow", "missing": "pcap-ndpi/pcap"}]
    listed = hostile()
    entries = [replay(p, run, inkling, work) for p in paths]
    good = [e for e in entries if e["capture"] not in listed]
    k, n = sum(e["flagged"] for e in good), sum(e["flows"] for e in good)
    lo, hi = interval(k, n)
    print(f"flow         pcap-ndpi, {len(good)} harmless captures: {k} of {n} flows flagged ({100 * k / max(1, n):.2f} %, "
          f"95 % interval {lo:.2f}-{hi:.2f})")
    for e in sorted(entries, key=lambda e: -e["flagged"]):
        if e["flagged"] or e["capture"] in listed:
            print(f"               {e['capture']:34} {said(e)}{'  hostile' if e['capture'] in listed else ''}")
    return [{"model": "flow", "data": "pcap-ndpi", "harmless": {"flagged": k, "flows": n, "interval": [lo, hi]},
             "captures": [dict(e, hostile=e["capture"] in listed) for e in entries]}]


def attacks(data, run, inkling, work):
    """pcap-attack: what is flagged, beside the label of the capture."""
    folder = os.path.join(data, "pcap-attack")
    if not os.path.exists(os.path.join(folder, "manifest.csv")):
        print("flow         left out: DATA has no pcap-attack/manifest.csv")
        return [{"model": "flow", "missing": "pcap-attack/manifest.csv"}]
    entries = []
    print("flow         pcap-attack, by capture; its label is of the capture as a whole")
    with open(os.path.join(folder, "manifest.csv"), encoding="ascii") as f:
        for row in csv.DictReader(f):
            path = next(p for p in (os.path.join(folder, row["file"] + x) for x in ("", ".xz")) if os.path.exists(p))
            e = dict(replay(path, run, inkling, work), label=row["label"])
            print(f"               {e['label']:24} {e['capture']:52} {said(e)}", flush=True)
            entries.append(e)
    return [{"model": "flow", "data": "pcap-attack", "captures": entries}]
