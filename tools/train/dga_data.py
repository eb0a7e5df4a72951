#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The names of `dga`: lists, what is left of a domain, splits.

Lives here: reading the lists, the registrable label, de-duplication and the
split over all lists together, the groups that are held out. What doesn't:
made-up names (dga_make.py), the model and its training (dga.py).

A name is the registrable label alone: of www.example.co.uk, "example". Equal
labels are one name whatever their suffix, so no label is on both sides of a
split; those that are in a real and in a generated list are dropped.
"""
import collections
import csv
import hashlib
import lzma
import os

CHARACTER = ("conficker", "cryptolocker", "goz", "new_goz", "pushdo", "ramdo")
BENIGN = ("benign_opendns_top.txt.xz", "benign_umbrella.csv.xz")
WORDS = ("wordbased_train.csv.xz", "wordbased_val.csv.xz")

# What is held out together: every family is, once.
FOLDS = (
    ("conficker", "ramdo", "gozi_luther", "gozi_nasa", "gozi_gpl", "gozi_rfc", "nymaim",
     "bigviktor"),
    ("cryptolocker", "goz", "new_goz", "pushdo", "suppobox_1", "suppobox_2", "suppobox_3",
     "pizd", "matsnu", "banjori", "ngioweb"),
)

# Labels that stand before a country's code as a part of the public suffix.
SECOND = set("""ac asn asso co com ed edu fin firm gen go gob gouv gov gv id idv
in ind info int k12 lg ltd me mil muni ne net nhs nic nom nsw or org oz plc police
pro qld res sch school sld vic web adv art blog eco eng jor leg tur
tv""".split())


def registrable(domain):
    """Label and public suffix of a domain, or None."""
    part = domain.strip().lower().rstrip(".").split(".")
    if len(part) < 2 or not all(part):
        return None
    cut = 1
    if len(part) > 2 and len(part[-1]) == 2 and part[-2] in SECOND:
        cut = 2
    label = part[-cut - 1]
    if len(label) > 63 or not all("!" <= c <= "~" for c in label):
        return None
    return label, ".".join(part[-cut:])


def lines(folder, name):
    path = os.path.join(folder, name)
    with lzma.open(path, "rt", encoding="ascii", errors="replace") as f:
        return f.read().split()


def lists(folder):
    """Family ("benign" too) and domain of every line."""
    if os.path.isdir(os.path.join(folder, "dga")):
        folder = os.path.join(folder, "dga")
    for name in BENIGN:
        for line in lines(folder, name):
            yield "benign", line.split(",")[0]
    for family in CHARACTER + ("matsnu",):
        for line in lines(folder, family + ".txt.xz"):
            yield family, line
    for name in WORDS:
        for row in csv.reader(lines(folder, name)[1:]):
            yield row[1], row[0]


def part_of(label):
    """train, valid or test, by a hash of the label."""
    h = int.from_bytes(hashlib.sha256(b"dga" + label.encode()).digest()[:4], "big")
    share = h / 2**32
    return "train" if share < 0.70 else "valid" if share < 0.85 else "test"


class Names:
    """of[family][part]: sorted labels; family "benign" is that of real ones."""

    def __init__(self, folder):
        owner = collections.defaultdict(set)
        self.lines = collections.Counter()
        for family, domain in lists(folder):
            split = registrable(domain)
            self.lines[family] += 1
            if split:
                owner[split[0]].add(family)
        self.dropped = collections.Counter()
        self.of = collections.defaultdict(
            lambda: {"train": [], "valid": [], "test": []})
        for label in sorted(owner):
            families = owner[label]
            if len(families) > 1:
                self.dropped["+".join(sorted(families))] += 1
            else:
                self.of[next(iter(families))][part_of(label)].append(label)
        self.character = list(CHARACTER)
        self.words = sorted(set(self.of) - set(CHARACTER) - {"benign"})
