#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train lm-tiny, a small language model of stories.

    tools/train/lm_tiny_text.py TEACHER.ink --tokenizer FILE -o stories.txt      what it learns from, mostly
    tools/train/lm_tiny.py stories.txt --data DIR --work DIR -o lm-tiny.bin      tokenizer, checkpoint, texts
    inkling compile lm-tiny.bin --tokenizer lm-tiny.tok --calibrate DIR/calibrate.txt -o lm-tiny.ink
    tools/train/lm_tiny_measure.py ...                                           figures

DIR of --data holds text/tinystories_197k.first75.txt.xz. Lives here: which texts are learned from, and how. What
doesn't: telling the teacher's stories (lm_tiny_text.py), pairs of bytes (bpe.py), the network (llama.py), figures
(lm_tiny_measure.py). Real stories: seven tenths are learned from, a tenth says at which temperature the model
is best, two tenths are only measured. Of the teacher's, the last hundred are only measured.
"""
import argparse
import lzma
import os
import re

import numpy as np
import torch

import bpe
import llama
from lm_tiny_text import END, plain, read_stories

SHAPE = {"dim": 64, "hidden": 192, "layers": 4, "heads": 4, "groups": 2, "vocabulary": 1024, "context": 256}
SEED = 1
HELD = 100		# of the teacher's stories
WINDOW = 40		# bytes that are learned from once
LEAST = 120		# bytes of a text that is worth it
REAL_TURNS = 5		# how often real stories come in an epoch
ROWS = ((0.7, 128, 12), (1.0, 256, 6))		# until this share of the steps: tokens of a row, rows of a batch
REAL = "tinystories_197k.first75.txt.xz"


def real_stories(data):
    """The parts that are learned from, chosen with, and measured; a story may be in two pieces."""
    for folder in (data, os.path.join(data, "text")):
        path = os.path.join(folder, REAL)
        if os.path.exists(path):
            with lzma.open(path, "rt", encoding="utf-8") as f:
                text = f.read()
            break
    else:
        raise SystemExit(f"{data} has no {REAL}")
    stories = [plain(s) for s in re.split(r"\n\n(?=Once upon a time|One day,)", text)]
    a, b = len(stories) * 7 // 10, len(stories) * 8 // 10
    return stories[:a], stories[a:b], stories[b:]


def thin(stories):
    """Texts in which nothing of WINDOW bytes comes twice, so that nothing is worth learning by heart.

    A sentence with such a repetition is left out, and its story falls apart there.
    """
    seen, texts = set(), []
    for story in stories:
        text, a = "", 0
        for m in re.finditer(r"[.!?]\"?[ \n]+|$", story):
            sentence, a = story[a:m.end()], m.end()
            near = (text[-(WINDOW - 1):] + sentence).rstrip()
            windows = [near[i:i + WINDOW] for i in range(len(near) - WINDOW + 1)]
            if seen.isdisjoint(windows):
                seen.update(windows)
                text += sentence
                continue
            if len(text) >= LEAST:
                texts.append(text.strip())
            text = ""
        if len(text) >= LEAST:
            texts.append(text.strip())
    return texts


class Batches:
    """Rows of one long text, in another order of stories each epoch."""

    def __init__(self, told, real, steps, seed):
        self.told, self.real, self.steps = told, real, steps
        self.random = np.random.default_rng(seed)
        self.stream = np.empty(0, np.int64)
        self.at = 0

    def more(self):
        texts = self.told + self.real * REAL_TURNS
        order = self.random.permutation(len(texts))
        self.stream = np.concatenate([self.stream[self.at:]] + [texts[i].astype(np.int64) for i in order])
        self.at = 0

    def __call__(self, step):
        length, rows = next((n, b) for until, n, b in ROWS if (step + 1) / self.steps <= until)
        while self.at + rows * length + 1 > len(self.stream):
            self.more()
        x = self.stream[self.at:self.at + rows * length + 1]
        self.at += rows * length
        return (torch.from_numpy(x[:-1].reshape(rows, length).copy()),
                torch.from_numpy(x[1:].reshape(rows, length).copy()))


def pieces(texts, context):
    """Texts in rows as long as the context, each begins with BEGIN; (tokens, targets), -1 where there is none."""
    rows = []
    for t in texts:
        t = t.astype(np.int64)
        for i in range(1, len(t), context):
            said = t[i:i + context]
            row = np.full((2, context), -1)
            row[0, 0], row[0, 1:len(said)], row[1, :len(said)] = llama.BEGIN, said[:-1], said
            row[0, len(said):] = 0
            rows.append(row)
    rows = torch.from_numpy(np.stack(rows))
    return rows[:, 0], rows[:, 1]


def bits(model, texts, n_bytes, scale=1.0):
    """Bits a byte of texts."""
    tokens, targets = pieces(texts, model.context)
    total = 0.0
    with torch.no_grad():
        for x, y in zip(tokens.split(16), targets.split(16)):
            logits = scale * model(x).flatten(0, 1)
            total += float(torch.nn.functional.cross_entropy(logits, y.flatten(), ignore_index=-1, reduction="sum"))
    return total / np.log(2) / n_bytes


def sizes(texts):
    return sum(len(t.encode()) for t in texts)


def temper(model, texts, n_bytes):
    """The teacher's stories are told at a low temperature: the scale of the logits that real ones want."""
    best = min(np.arange(0.7, 1.11, 0.02), key=lambda s: bits(model, texts, n_bytes, s))
    with torch.no_grad():
        model.norm *= float(best)
    return float(best)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("stories")
    ap.add_argument("--data", required=True, metavar="DIR")
    ap.add_argument("--work", required=True, metavar="DIR", help="for texts: learned.txt, calibrate.txt, real.txt, told.txt")
    ap.add_argument("-o", dest="out", required=True, help="checkpoint; the tokenizer goes beside it, as .tok")
    ap.add_argument("--steps", type=int, default=2800)
    ap.add_argument("--rate", type=float, default=3e-3)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    told = read_stories(args.stories)
    learn, choose, held = real_stories(args.data)
    texts = thin(learn + told[:-HELD])
    n_real = len(thin(learn))
    os.makedirs(args.work, exist_ok=True)
    for name, some in (("learned", texts), ("choose", choose), ("real", held), ("told", told[-HELD:]),
                       ("calibrate", choose + told[:HELD])):
        with open(os.path.join(args.work, name + ".txt"), "w", encoding="ascii") as f:
            f.write(END.join(some) + END if name == "learned" else "\n".join(some))
    tok = os.path.splitext(args.out)[0] + ".tok"
    bpe.write(tok, bpe.learn(texts, SHAPE["vocabulary"]))
    t = bpe.Tokenizer(tok)
    encoded = [t.encode(x) for x in texts]
    chosen, n_bytes = [t.encode(x) for x in choose], sizes(choose)
    print(f"{len(texts)} texts, {sizes(texts)} bytes, {sum(map(len, encoded))} tokens; "
          f"{n_real} real ones, {sizes(texts[:n_real])} bytes", flush=True)
    model = llama.Llama(**SHAPE)
    llama.train(model, Batches(encoded[n_real:], encoded[:n_real], args.steps, SEED), args.steps, args.rate,
                measure=lambda m: f"{bits(m, chosen, n_bytes):.4f} bits a byte")
    print(f"logits times {temper(model, chosen, n_bytes):.2f}: {bits(model, chosen, n_bytes):.4f} bits a byte")
    model.save(args.out)


if __name__ == "__main__":
    main()
