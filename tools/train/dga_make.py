#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Made-up names like those of domain generation algorithms.

Lives here: families that are in none of the lists, each after the public
description of its algorithm: alphabet, lengths and pattern, not its seeds or
dates; and names of generators that are themselves drawn at random. What
doesn't: families of the lists, which would spoil the measurement of families
never seen (conficker, cryptolocker, goz, new_goz, pushdo and ramdo).
"""
import string

import numpy as np

LETTERS = string.ascii_lowercase
DIGITS = string.digits
VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"
TO_Y = LETTERS[:25]

# Name: alphabet, shortest, longest.
PLAIN = {
    "ramnit": (TO_Y, 8, 19),
    "locky": (TO_Y, 5, 17),
    "ranbyus": (TO_Y, 14, 14),
    "emotet": (TO_Y, 16, 16),
    "necurs": (TO_Y, 7, 21),
    "dircrypt": (LETTERS, 8, 20),
    "tinba": (LETTERS, 12, 12),
    "fobber": (LETTERS, 10, 17),
    "dnschanger": (LETTERS, 10, 10),
    "proslikefan": (LETTERS, 6, 12),
    "sphinx": (LETTERS, 16, 16),
    "tempedreve": (LETTERS, 7, 11),
    "hesperbot": (LETTERS, 8, 24),
    "mydoom": ("aehmnpqrsw", 10, 10),
    "padcrypt": ("abcdefklmno", 16, 16),
    "qadars": (LETTERS + DIGITS, 12, 12),
    "chinad": (LETTERS + DIGITS, 16, 16),
    "rovnix": (LETTERS + DIGITS[1:], 18, 18),
    "corebot": ("abcdefghijklmnopqrstuvwxy012345678", 12, 23),
    "shiotob": ("abcdefghijklmnopqrstuvwxyz123456789", 10, 16),
    "bamital": (DIGITS + "abcdef", 32, 32),
    "gspy": (DIGITS + "abcdef", 16, 16),
    "base32": (LETTERS + "234567", 10, 26),
}
# Spoken ones: c, v are a consonant and a vowel; a pattern is repeated.
SPOKEN = {
    "simda": ("cv", "bcdfghjklmnpqrstvwxz", "aeiouy", 5, 11),
    "symmi": ("vc", "bcdfghklmnprstvwx", "aeiou", 8, 15),
    "vawtrak": ("cvc", "bcdfghklmnprstw", "aeiou", 6, 12),
}
# Never trained on: these choose settings and epochs beside the lists' valid parts.
VALID_ONLY = ("vawtrak", "virut", "padcrypt", "gspy", "tempedreve", "murofet")
NAMES = tuple(PLAIN) + tuple(SPOKEN) + ("dyre", "virut", "pykspa", "murofet")
TRAINED = tuple(n for n in NAMES if n not in VALID_ONLY)


def pick(r, alphabet, n, weight=None):
    return "".join(r.choice(list(alphabet), n, p=weight))


def spoken(r, pattern, consonants, vowels, n):
    start = r.integers(len(pattern))
    return "".join(r.choice(list(vowels if pattern[(start + i) % len(pattern)]
                                 == "v" else consonants)) for i in range(n))


def pykspa(r):
    """Pairs drawn from both classes, a consonant doubled now and then."""
    name = ""
    for _ in range(r.integers(3, 7)):
        name += r.choice(list(VOWELS)) if r.random() < 0.3 else ""
        c = r.choice(list(CONSONANTS))
        name += (c if r.random() < 0.9 else c + c) + r.choice(list(VOWELS))
    return name[:12]


def family(name, r):
    if name in PLAIN:
        alphabet, low, high = PLAIN[name]
        return pick(r, alphabet, r.integers(low, high + 1))
    if name in SPOKEN:
        pattern, consonants, vowels, low, high = SPOKEN[name]
        return spoken(r, pattern, consonants, vowels, r.integers(low, high + 1))
    if name == "dyre":
        return r.choice(list(LETTERS)) + pick(r, DIGITS + "abcdef", 33)
    if name == "virut":
        return pick(r, LETTERS, 6)
    if name == "murofet":
        return "".join(pick(r, LETTERS, 1) if r.random() < 0.6 else
                       str(r.integers(10, 70)) for _ in range(r.integers(12, 22)))
    return pykspa(r)


def drawn_spoken(r, n):
    """A pattern of consonants and vowels, each class all or in part."""
    pattern = pick(r, "cv", r.integers(2, 7), (0.55, 0.45))
    pattern = pattern if "v" in pattern and "c" in pattern else "cvc"[:r.integers(2, 4)]
    consonants, vowels = CONSONANTS, VOWELS + "y" if r.random() < 0.5 else VOWELS
    if r.random() < 0.4:
        consonants = "".join(r.choice(list(CONSONANTS), r.integers(7, 19), replace=False))
    return spoken(r, pattern, consonants, vowels, min(n, 16))


def any_generator(r):
    """A name of a generator that is itself drawn: alphabet, weights, pattern."""
    kind, n = r.random(), int(r.integers(5, 25))
    if kind < 0.42:			# letters, all or some, even or not
        alphabet = list(LETTERS) if r.random() < 0.6 else \
            list(r.choice(list(LETTERS), r.integers(8, 26), replace=False))
        even = 20.0 if r.random() < 0.7 else 1.0
        return pick(r, alphabet, n, r.dirichlet(np.full(len(alphabet), even)))
    if kind < 0.57:			# letters with digits
        share = r.uniform(0.05, 0.9)
        return "".join(pick(r, DIGITS if r.random() < share else LETTERS, 1)
                       for _ in range(max(n, 7)))
    if kind < 0.62:			# digits, hexadecimal
        alphabet = DIGITS + "abcdef" if r.random() < 0.8 else DIGITS
        return pick(r, alphabet, max(n, 9))
    if kind < 0.92:
        return drawn_spoken(r, max(n, 7))
    block = pick(r, LETTERS, r.integers(3, 8))	# a fixed part with a drawn one
    drawn = pick(r, LETTERS, r.integers(4, 10))
    return drawn + block if r.random() < 0.5 else block + drawn


def made(n, seed, names=TRAINED, drawn=0.5):
    """n names: a share `drawn` of random generators, the rest of `names`."""
    r = np.random.default_rng(seed)
    return [any_generator(r) if r.random() < drawn else
            family(names[r.integers(len(names))], r) for _ in range(n)]
