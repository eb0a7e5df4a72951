#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Figures of lm-tiny: bits a byte beside its teacher's and 5-grams', and what it says by heart.

    tools/train/lm_tiny_measure.py --work DIR models/lm-tiny.ink models/lm-tiny.tok [--checkpoint lm-tiny.bin]
                                   [--teacher TEACHER.ink --teacher-tokenizer FILE] [--skip-grams]

DIR is the one of lm_tiny.py: learned.txt, and real.txt and told.txt, which are only measured. Lives here: the
figures. What doesn't: anything that chooses. int8 and the teacher are measured by `inkling score-text`, ten texts
of 200 tokens are told by `inkling generate` at temperature 1 without a prompt, seeds 1 to 10.
"""
import argparse
import json
import os
import subprocess

import numpy as np
import torch

import bpe
import llama
from lm_tiny import bits, sizes
from lm_tiny_text import END, INKLING
from ngram import Counted

COPY = 50		# bytes
SAMPLES, TOKENS = 10, 200
ORDER = 5


def told(*command):
    return json.loads(subprocess.run([INKLING, *command, "--json"], capture_output=True, check=True).stdout)


def held_out(work):
    """Texts of each file that is only measured; in the file they are one text."""
    out = {}
    for name in ("real", "told"):
        with open(os.path.join(work, name + ".txt"), encoding="ascii") as f:
            out[name] = f.read()
    return out


def copies(texts, learned):
    """Longest piece of each text that the learned ones have, in bytes; the pieces of COPY bytes or more."""
    def has(text, i, n):
        return i + n <= len(text) and text[i:i + n] in learned

    longest, found = [], []
    for text in texts:
        most = 0
        for i in range(len(text)):
            while has(text, i, most + 1):
                most += 1
            if most >= COPY and text[i:i + most] in learned and len(text[i:i + most]) == most:
                found.append(text[i:i + most])
        longest.append(most)
    return longest, found


def grams(held, learned, tokenizer):
    """Bits a byte of 5-grams of bytes and of the model's tokens."""
    out = {}
    raw = [np.frombuffer(("\n" + t).encode(), np.uint8) for t in learned]
    count = Counted(raw, ORDER, 256)
    out["bytes"] = {k: count.nats(np.frombuffer(("\n" + t).encode(), np.uint8), 1).sum() / np.log(2) / len(t)
                    for k, t in held.items()}
    del count, raw
    count = Counted([tokenizer.encode(t) for t in learned], ORDER, tokenizer.size)
    out["tokens"] = {k: count.nats(tokenizer.encode(t), 1).sum() / np.log(2) / len(t) for k, t in held.items()}
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model", metavar="MODEL.ink")
    ap.add_argument("tokenizer", metavar="MODEL.tok")
    ap.add_argument("--work", required=True, metavar="DIR")
    ap.add_argument("--checkpoint")
    ap.add_argument("--teacher")
    ap.add_argument("--teacher-tokenizer")
    ap.add_argument("--skip-grams", action="store_true")
    args = ap.parse_args()
    torch.set_num_threads(1)
    with open(os.path.join(args.work, "learned.txt"), encoding="ascii") as f:
        whole = f.read()
    held, result = held_out(args.work), {}

    def scored(model, tokenizer):
        return {k: told("score-text", model, "--tokenizer", tokenizer,
                        os.path.join(args.work, k + ".txt"))["bits_per_byte"] for k in held}

    result["int8"] = scored(args.model, args.tokenizer)
    if args.teacher:
        result["teacher"] = scored(args.teacher, args.teacher_tokenizer)
    t = bpe.Tokenizer(args.tokenizer)
    if args.checkpoint:
        model = llama.load(args.checkpoint)
        result["float"] = {k: bits(model, [t.encode(x)], sizes([x])) for k, x in held.items()}
    if not args.skip_grams:
        result["5-grams"] = grams(held, [x for x in whole.split(END) if x], t)
    texts = [told("generate", args.model, "--tokenizer", args.tokenizer, "--temperature", "1", "--tokens", str(TOKENS),
                  "--seed", str(seed))["text"] for seed in range(1, SAMPLES + 1)]
    longest, found = copies(texts, whole)
    result["copies"] = {"longest": longest, "of_50_bytes": found}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
