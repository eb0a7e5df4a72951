#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stories that lm-tiny learns from: a bigger model's, told by `inkling generate`.

    tools/train/lm_tiny_text.py TEACHER.ink --tokenizer FILE -o stories.txt [--stories N] [--first SEED]
                                [--temperature X]

Lives here: telling them, and files of stories (a line "<|endoftext|>" ends each, as in TinyStories). What
doesn't: learning from them (lm_tiny.py). Story number N is seed N's, so a file can be told again to the byte.
Stories that the teacher's memory cuts off are left out: their end would teach to stop anywhere.
"""
import argparse
import json
import os
import re
import subprocess

INKLING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/inkling")
END = "\n<|endoftext|>\n"
PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
                       "\u2026": "..."})


def plain(text):
    """Text of the alphabet that the teacher writes: plain quotes and dashes, one newline between paragraphs."""
    text = text.translate(PLAIN).encode("ascii", "ignore").decode()
    return re.sub(r" *\n+ *", "\n", re.sub(r"[ \t]+", " ", text)).strip()


def read_stories(path):
    with open(path, encoding="utf-8") as f:
        return [s for s in map(plain, f.read().split(END)) if s]


def tell(teacher, tokenizer, seed, temperature):
    """One story, or None when it didn't come to its end."""
    done = subprocess.run([INKLING, "generate", teacher, "--tokenizer", tokenizer, "--tokens", "512", "--seed",
                           str(seed), "--temperature", temperature, "--json"], capture_output=True, check=True)
    said = json.loads(done.stdout)
    return said["text"].strip() if said["ended"] == "end" else None


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("teacher", metavar="TEACHER.ink")
    ap.add_argument("--tokenizer", required=True)
    ap.add_argument("-o", dest="out", required=True)
    ap.add_argument("--stories", type=int, default=40000)
    ap.add_argument("--first", type=int, default=1, help="seed of the first story (default 1)")
    ap.add_argument("--temperature", default="0.9")
    args = ap.parse_args()
    kept = 0
    with open(args.out, "w", encoding="ascii", errors="ignore") as f:
        for seed in range(args.first, args.first + args.stories):
            story = tell(args.teacher, args.tokenizer, seed, args.temperature)
            if story:
                f.write(story + END)
                kept += 1
    print(f"{kept} of {args.stories} stories came to an end")


if __name__ == "__main__":
    main()
