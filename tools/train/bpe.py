# SPDX-License-Identifier: GPL-2.0-only
"""Tokens of texts: byte pairs, and files in the form of llama2.c's tokenizer.bin.

Lives here: learning pairs from a text, writing them, and libinkling's own encoder for Python, so that what is
trained on is what `inkling generate` reads. What doesn't: models (llama.py).

Tokens 0 to 2 are <unk>, <s> and </s>, 3 to 258 the bytes, then the characters of the text and the pairs. A pair
is never of two words: words are a blank and letters, or a blank and other signs, or newlines.
"""
import collections
import ctypes
import os
import re
import struct

import numpy as np

LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/libinkling.so")
WORD = re.compile(r" ?[A-Za-z]+| ?[0-9]+|\n+| ?[^A-Za-z0-9\s]+| ")


def learn(texts, vocabulary):
    """List of (bytes, score) of each token."""
    words = collections.Counter()
    for text in texts:
        words.update(WORD.findall(" " + text))
    tokens = [(b"<unk>", 0.0), (b"\n<s>\n", 0.0), (b"\n</s>\n", 0.0)]
    tokens += [(b"<0x%02X>" % i, 0.0) for i in range(256)]
    tokens += [(c.encode(), -1e6) for c in sorted({c for w in words for c in w})]
    split = {w: tuple(w) for w in words}
    merges = 0
    while len(tokens) < vocabulary:
        pairs = collections.Counter()
        for w, n in words.items():
            s = split[w]
            for pair in zip(s, s[1:]):
                pairs[pair] += n
        (a, b), _ = max(pairs.items(), key=lambda x: (x[1], x[0]))
        merges += 1
        tokens.append(((a + b).encode(), -float(merges)))
        for w, s in split.items():
            if a + b in w:
                split[w] = merged(s, a, b)
    return tokens


def merged(s, a, b):
    out, i = [], 0
    while i < len(s):
        if i + 1 < len(s) and s[i] == a and s[i + 1] == b:
            out.append(a + b)
            i += 2
        else:
            out.append(s[i])
            i += 1
    return tuple(out)


def write(path, tokens):
    with open(path, "wb") as f:
        f.write(struct.pack("<i", max(len(t) for t, _ in tokens)))
        for text, score in tokens:
            f.write(struct.pack("<fi", score, len(text)) + text)


class Tokenizer:
    """libinkling's, with a file."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(LIBRARY)
        self.lib.ink_tokenizer_open.restype = ctypes.c_void_p
        self.lib.ink_tokenizer_size.argtypes = [ctypes.c_void_p]
        self.lib.ink_tokenizer_encode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_bool,
                                                  ctypes.c_void_p, ctypes.c_size_t]
        self.at = self.lib.ink_tokenizer_open(path.encode(), 0)
        if not self.at:
            raise OSError(f"{path} isn't a tokenizer")
        self.size = self.lib.ink_tokenizer_size(self.at)

    def encode(self, text):
        """Tokens, the first of which is BEGIN."""
        raw = text.encode()
        out = np.empty(len(raw) + 2, np.uint16)
        n = self.lib.ink_tokenizer_encode(self.at, raw, len(raw), True, out.ctypes.data, len(out))
        if n < 0:
            raise MemoryError("no memory for tokens")
        return out[:n].copy()
