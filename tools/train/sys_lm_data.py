# SPDX-License-Identifier: GPL-2.0-only
"""Traces of system calls, for sys-lm.

Lives here: reading ADFA-LD as tokens of bpf/syscalls/tokens.h, who is in which part, and windows. What doesn't: models (sys_lm.py) and figures (sys_lm_measure.py).

The validation traces are normal, too. Every other file is of half A, the rest of half B, which is only ever
measured: false alarms. Of half A, two thirds are learned from like the training traces, and the last third
chooses the epoch and the threshold. Attacks are only measured. Many traces are copies (675 of the 3 059 are
one and the same), so false alarms are counted once more for those of B that are like no other, here or there.
"""
import io
import lzma
import os
import tarfile

import numpy as np

import syscall_tokens

ARCHIVE = "ADFA-LD.part70.tar.xz"
KINDS = ("Adduser", "Hydra_FTP", "Hydra_SSH", "Java_Meterpreter", "Meterpreter", "Web_Shell")
WINDOW = 64		# tokens that the model reads: BEGIN and 63 calls
CALLS = WINDOW - 1
BEGIN = 1


class Traces:
    """Lists of uint8 arrays: learn, choose, held, fresh (of held, see above), training (a part of learn), attacks[KIND]."""

    def __init__(self, data):
        self.training, validation, self.attacks = [], [], {k: [] for k in KINDS}
        table = syscall_tokens.table("i386")
        for name, text in read_archive(data):
            trace = np.array([table.get(int(n), 0) for n in text.split()], np.uint8)
            if "/Training_Data_Master/" in name:
                self.training.append(trace)
            elif "/Validation_Data_Master/" in name:
                validation.append(trace)
            else:
                self.attacks[name.split("/")[-2].rsplit("_", 1)[0]].append(trace)
        half_a, self.held = validation[0::2], validation[1::2]
        self.choose = half_a[2::3]
        self.learn = self.training + [t for i, t in enumerate(half_a) if i % 3 != 2]
        known = {t.tobytes() for t in self.learn + self.choose}
        self.fresh = list({t.tobytes(): t for t in self.held if t.tobytes() not in known}.values())

    def all_attacks(self):
        """Traces and the kind of each."""
        return ([t for k in KINDS for t in self.attacks[k]], np.array([k for k in KINDS for _ in self.attacks[k]]))


def read_archive(data):
    """(name, text) of the traces."""
    for folder in (data, os.path.join(data, "adfa-ld")):
        path = os.path.join(folder, ARCHIVE)
        if os.path.exists(path):
            with lzma.open(path) as f, tarfile.open(fileobj=io.BytesIO(f.read())) as tar:
                for member in sorted(tar.getmembers(), key=lambda m: m.name):
                    if member.name.endswith(".txt"):
                        yield member.name, tar.extractfile(member).read().decode()
            return
    raise SystemExit(f"{data} has no {ARCHIVE}")


def windows(trace):
    """[N, WINDOW] tokens, -1 behind the last call; each begins with BEGIN. The last one reaches back to be full."""
    starts = list(range(0, max(1, len(trace) - CALLS + 1), CALLS))
    if len(trace) > CALLS and starts[-1] + CALLS < len(trace):
        starts.append(len(trace) - CALLS)
    out = np.full((len(starts), WINDOW), -1, np.int64)
    out[:, 0] = BEGIN
    for row, at in zip(out, starts):
        part = trace[at:at + CALLS]
        row[1:1 + len(part)] = part
    return out


def targets_of(rows):
    """The token that follows each of a tensor of windows; -1 where there is none."""
    targets = rows.roll(-1, 1)
    targets[:, -1] = -1
    return targets
