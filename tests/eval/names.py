# SPDX-License-Identifier: GPL-2.0-only
"""Accuracy of `dga` on domain names, for tests/eval/run.

Lives here: running tools/train/dga_measure.py on the float and the compiled model, and the lines that say
what came out. What doesn't: scores, splits and families, which are the training scripts'.
"""
import json
import os

MODEL = "models/dga"
KINDS = ("random, trained", "words, trained")


def measured(data, suffix, run, work):
    out = os.path.join(work, "dga" + suffix + ".json")
    run("tools/train/dga_measure.py", "--data", data, "--model", MODEL + suffix, out)
    with open(out, encoding="ascii") as f:
        return json.load(f)["test"]


def names(data, run, work):
    forms = {"float": measured(data, ".onnx", run, work), "int8": measured(data, ".ink", run, work)}
    real = forms["int8"]["real"]
    print(f"dga          real names never seen: float {forms['float']['real']['flagged']}, int8 {real['flagged']} "
          f"of {real['n']} flagged ({100 * real['rate']:.2f} %)")
    for kind in KINDS:
        print(f"{'':12} {kind + ': other names of families':44} "
              + " ".join(f"{form} AUC {f[kind]['macro']['auc']:.4f}, {100 * f[kind]['macro']['rate']:.1f} % detected;"
                         for form, f in forms.items()))
        for family, row in forms["int8"][kind]["families"].items():
            print(f"{'':14} {family}: {row['flagged']} of {row['n']} ({100 * row['rate']:.1f} %), AUC {row['auc']:.4f}")
    return [{"model": "dga", "data": "dga", "split": "test names, by hash", **forms}]
