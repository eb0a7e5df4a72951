# SPDX-License-Identifier: GPL-2.0-only
"""Language models, for tests/eval/run.

Lives here: lm-tiny on real stories beside the model that told it its own, sys-lm on traces of system calls, and
what shows that the kernel's bits are those of this process. What doesn't: training, thresholds, and what is
learned from (tools/train).
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/train"))

REAL = "tinystories_197k.first75.txt"
TEACHER = ("stories260K.bin", "tok512.bin")
TRACES = "ADFA-LD.part70.tar.xz"


def lm_tiny(find, data, run, inkling, work, jobs):
    folder = find(data, REAL)
    if not folder:
        print(f"{'lm-tiny':12} left out: DATA has no {REAL}")
        return [{"model": "lm-tiny", "missing": REAL}]
    from lm_tiny import bits, real_stories, sizes	# pylint: disable=import-outside-toplevel
    import bpe						# pylint: disable=import-outside-toplevel
    import llama					# pylint: disable=import-outside-toplevel
    text = os.path.join(work, "lm-tiny-real.txt")
    with open(text, "w", encoding="ascii") as f:
        f.write("\n".join(real_stories(folder)[2]))

    def bits_a_byte(ink, tokenizer):
        return json.loads(run(inkling, "score-text", ink, "--tokenizer", tokenizer, text, "--json"))["bits_per_byte"]

    entry = {"model": "lm-tiny", "data": "TinyStories, held out", "kernel": None,
             "int8": bits_a_byte("models/lm-tiny.ink", "models/lm-tiny.tok")}
    with open(text, encoding="ascii") as f:
        whole = f.read()
    entry["float"] = bits(llama.load("models/lm-tiny.bin"), [bpe.Tokenizer("models/lm-tiny.tok").encode(whole)],
                          sizes([whole]))
    teacher = find(data, *TEACHER)
    if teacher:
        ink, tokenizer = os.path.join(work, "stories260K.ink"), os.path.join(teacher, TEACHER[1])
        run(inkling, "compile", os.path.join(teacher, TEACHER[0]), "-o", ink, "--quiet")
        entry["teacher"] = bits_a_byte(ink, tokenizer)
    print(f"{'lm-tiny':12} bits a byte of held-out stories: float {entry['float']:.4f}, int8 {entry['int8']:.4f}"
          + (f", stories260K {entry['teacher']:.4f}" if teacher else ""), flush=True)
    jobs.append((entry, "models/lm-tiny.ink", same("inkling generate models/lm-tiny.ink --temperature 1 --prompt Once")))
    return [entry]


def same(command):
    """Shell: the command prints the same with a slot as without one."""
    return f'here=$({command}) && test -n "$here" && test "$here" = "$({command} --slot {{slot}})"'


def sys_lm(find, data, run, inkling, work, jobs):
    folder = find(data, TRACES)
    if not folder:
        print(f"{'sys-lm':12} left out: DATA has no {TRACES}")
        return [{"model": "sys-lm", "missing": TRACES}]
    from sys_lm_data import Traces			# pylint: disable=import-outside-toplevel
    figures, lines = os.path.join(work, "sys-lm.json"), os.path.join(work, "sys-lm.txt")
    print(run("tools/train/sys_lm_measure.py", "--data", folder, "--baselines", "--json", figures, "models/sys-lm.bin",
              "models/sys-lm.ink"), end="", flush=True)
    with open(figures, encoding="ascii") as f:
        entries = [{"model": "sys-lm", "data": "ADFA-LD", "kernel": None, **e} for e in json.load(f)]
    with open(lines, "w", encoding="ascii") as f:
        f.writelines(" ".join(map(str, t)) + "\n" for t in Traces(folder).held[:100])
    jobs.append((entries[-1], "models/sys-lm.ink", same(f"inkling score-text models/sys-lm.ink --ids {lines} --json")))
    return entries
