#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A committee of small MLPs that tells normal rows from attacks.

Lives here: batches with made-up rows, the training of all members side by
side, the committee as one stack of layers. What doesn't: data sets and the
choice of settings (nsl_kdd.py), front end and ONNX writer (common.py).

A network that only knows some attacks draws its border at random where no
row lies, and is sure of itself there. So members differ in what they see:
columns, attack types, or no attack at all; and made-up rows fill the empty
space.
"""
import numpy as np
import torch
import torch.nn.functional as F

# members: how many; alone: those of them that see no attack, only normal and
# made-up rows. hidden: units of each member's two layers.
# bag: share of attack types that a member sees. subspace: share of columns.
# normals, attacks: rows in a batch; attack types are drawn evenly.
# mixed: made-up rows, normal ones with a random share of columns taken from
# rows of any class. scattered: the same with columns drawn over their whole
# range. shuffled: the same with columns of other normal rows; for those alone.
# swap: share of an attack's columns replaced by those of another attack.
# hide: the one column of which `hide_share` of rows are blank.
# rate, decay: of AdamW with a cosine. dropout: of hidden units.
PLAIN = {"members": 1, "alone": 0, "hidden": (64, 32), "steps": 1500,
         "bag": 1.0, "subspace": 1.0, "normals": 192, "attacks": 192,
         "mixed": 0, "scattered": 0, "shuffled": 0, "swap": 0.0,
         "hide_share": 0.0, "rate": 2e-3, "decay": 1e-4, "dropout": 0.0}
AVERAGING = 0.998		# of the weights over steps; the average is the model
CHECKS = 3			# points of training at which a caller may look


class Sampler:
    """Draws the rows of a batch and makes up others.

    x: [N, width] inputs in 0..1; owner: column that each input belongs to;
    kind: [N] name of each row's class; normals, attacks: rows to draw from;
    hide: column that may be blank.
    """

    MIXED, SHUFFLED, SCATTERED = -3, -2, -1		# kinds of made-up rows

    def __init__(self, x, owner, kind, normals, attacks, hide, s, gen):
        self.s, self.x = s, torch.as_tensor(x, dtype=torch.float32)
        self.owner = torch.tensor(owner)
        self.columns = int(owner[-1]) + 1
        self.hidden = self.owner == hide
        self.names, code = np.unique(kind, return_inverse=True)
        self.code = torch.tensor(code)
        self.normal = torch.tensor(normals)
        self.attack = torch.tensor(self.evenly(attacks, code[attacks], gen))
        self.onehot = [torch.where(self.owner == c)[0]
                       for c in range(self.columns) if (owner == c).sum() > 1]

    @staticmethod
    def evenly(rows, kind, gen):
        """As many rows of each kind, repeated or left out."""
        present = np.unique(kind)
        each = 400000 // len(present)
        return np.concatenate([gen.choice(rows[kind == k], each)
                               for k in present])

    @staticmethod
    def pick(rows, n):
        return rows[torch.randint(0, len(rows), (n,))]

    def columns_at_random(self, n, share):
        return (torch.rand(n, self.columns) < share)[:, self.owner]

    def swapped(self, n, share):
        rows = self.pick(self.attack, n)
        x = self.x[rows]
        if share:
            other = self.x[self.pick(self.attack, n)]
            x = torch.where(self.columns_at_random(n, share), other, x)
        return x, self.code[rows]

    def changed(self, n, made):
        """Normal rows with a tenth to nine tenths of their columns changed."""
        mask = self.columns_at_random(n, torch.rand(n, 1) * 0.8 + 0.1)
        return torch.where(mask, made, self.x[self.pick(self.normal, n)])

    def of_rows(self, n, pools):
        """Each column of a row from one of as many rows as there are pools."""
        donor = torch.randint(0, len(pools), (n, self.columns))[:, self.owner]
        out = self.x[self.pick(pools[0], n)]
        for d in range(1, len(pools)):
            out = torch.where(donor == d, self.x[self.pick(pools[d], n)], out)
        return out

    def anywhere(self, n):
        """Columns drawn over their range, two in five at one of its ends."""
        u = torch.rand(n, len(self.owner)) * 5 / 3 - 1 / 3
        u = torch.round(u.clamp(0, 1) * 255) / 255
        for inputs in self.onehot:
            one = torch.randint(0, len(inputs), (n,))
            u[:, inputs] = F.one_hot(one, len(inputs)).float()
        return u

    def batch(self):
        """Inputs, labels and kinds of the rows."""
        s = self.s
        normal = self.pick(self.normal, s["normals"])
        attack, kind = self.swapped(s["attacks"], s["swap"])
        made = ((self.MIXED, s["mixed"], lambda n: self.of_rows(
                    n, (self.normal, self.attack, self.attack))),
                (self.SHUFFLED, s["shuffled"], lambda n: self.of_rows(
                    n, (self.normal,) * 4)),
                (self.SCATTERED, s["scattered"], self.anywhere))
        x, kinds = [self.x[normal], attack], [self.code[normal], kind]
        for code, n, make in made:
            if n:
                x.append(self.changed(n, make(n)))
                kinds.append(torch.full((n,), code))
        x = torch.cat(x)
        blank = torch.rand(len(x), 1) < s["hide_share"]
        x = torch.where(blank & self.hidden, torch.zeros(()), x)
        y = torch.ones(len(x))
        y[:s["normals"]] = 0
        return x, y, torch.cat(kinds)


def sights(sampler, s, gen):
    """What each member sees: kinds of rows [K, kinds + 3], inputs [K, width]."""
    members = s["members"]
    kinds = np.zeros((members, len(sampler.names) + 3), np.float32)
    kinds[:, :-3] = gen.rand(members, len(sampler.names)) < s["bag"]
    kinds[:, sampler.MIXED] = 1
    kinds[:s["alone"], :-3] = 0
    kinds[:s["alone"], sampler.MIXED] = 0
    kinds[:s["alone"], sampler.SHUFFLED] = 1
    kinds[:, sampler.SCATTERED] = 1
    kinds[:, sampler.code[sampler.normal[0]]] = 1
    columns = gen.rand(members, sampler.columns) < s["subspace"]
    return (torch.tensor(kinds),
            torch.tensor(columns[:, sampler.owner].astype(np.float32)))


def drop(x, share):
    return x * (torch.rand(x.shape) >= share) / (1 - share) if share else x


class Net:
    """Weights of all members: w[i] is [K, out, in], b[i] is [K, out]."""

    def __init__(self, width, seen, s):
        self.s, self.seen = s, seen
        self.w, self.b = [], []
        for units in (*s["hidden"], 1):
            for to, shape in ((self.w, (units, width)), (self.b, (units,))):
                p = torch.rand(s["members"], *shape) * 2 - 1
                to.append((p / np.sqrt(width)).requires_grad_())
            width = units
        with torch.no_grad():
            self.w[0] *= (len(seen[0]) / seen.sum(1))[:, None, None] ** 0.5

    def logits(self, x):
        """[K, rows]"""
        members, units, width = self.w[0].shape
        w = (self.w[0] * self.seen[:, None, :]).reshape(-1, width)
        h = F.relu(F.linear(x, w, self.b[0].reshape(-1)))
        h = drop(h, self.s["dropout"])
        h = h.reshape(len(x), members, units).transpose(0, 1)
        h = torch.baddbmm(self.b[1][:, None, :], h, self.w[1].transpose(1, 2))
        h = drop(F.relu(h), self.s["dropout"])
        return (h * self.w[2]).sum(2) + self.b[2]


def beside(w):
    """[K, out, in] as one block-diagonal matrix."""
    members, out, width = w.shape
    full = np.zeros((members * out, members * width))
    for k in range(members):
        full[k * out:(k + 1) * out, k * width:(k + 1) * width] = w[k]
    return full


def stacked(w, b):
    """The committee as layers of common.py; its logit is the members' mean."""
    members = len(w[0])
    return [(w[0].reshape(-1, w[0].shape[2]), b[0].reshape(-1)),
            (beside(w[1]), b[1].reshape(-1)),
            (w[2].reshape(1, -1) / members, b[2].mean(axis=0))]


def train(sampler, s, gen, look=None):
    """Layers of a committee; look(layers) at CHECKS points of training."""
    kinds, seen = sights(sampler, s, gen)
    # Inputs that never change in training say nothing; their weights go.
    moves = (sampler.x.amax(0) > sampler.x.amin(0)).float()
    net = Net(len(sampler.owner), seen * moves, s)
    param = net.w + net.b
    mean = [p.detach().clone() for p in param]
    opt = torch.optim.AdamW(param, lr=s["rate"], weight_decay=s["decay"])

    def layers():
        v = [m.numpy().astype(np.float64) for m in mean]
        v[0] = v[0] * net.seen[:, None, :].numpy()
        return stacked(v[:3], v[3:])

    for step in range(s["steps"]):
        for group in opt.param_groups:
            group["lr"] = s["rate"] * min(1, (step + 1) / 100) * \
                0.5 * (1 + np.cos(np.pi * step / s["steps"]))
        x, y, kind = sampler.batch()
        weight = kinds[:, kind]
        loss = F.binary_cross_entropy_with_logits(
            net.logits(x), y.expand(s["members"], -1), reduction="none")
        loss = ((loss * weight).sum(1) / weight.sum(1)).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        keep = min(AVERAGING, (step + 1) / (step + 20))
        with torch.no_grad():
            for m, p in zip(mean, param):
                m.mul_(keep).add_(p, alpha=1 - keep)
        if look and (step + 1) % (s["steps"] // CHECKS) == 0:
            look(layers())
    return layers()
