# SPDX-License-Identifier: GPL-2.0-only
"""Small encoders of each family, in PyTorch, for tests/eval/encoders.

Lives here: the modules, as people write them. What doesn't: training, exporting, comparing.
Each takes token ids [batch, T]; 0 fills up, but in those of FIXED, which take T tokens always.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

LENGTH = 24
WORDS = 257
CLASSES = 3
D = 32


def mean(h, pad):
    keep = (~pad).unsqueeze(-1).to(h.dtype)
    return (h * keep).sum(1) / keep.sum(1).clamp(min=1)


class Bert(nn.Module):
    """nn.TransformerEncoder with key padding masks."""

    def __init__(self, layers, norm_first=False, activation="gelu"):
        super().__init__()
        self.embed = nn.Embedding(WORDS, D, padding_idx=0)
        self.position = nn.Parameter(0.1 * torch.randn(1, LENGTH, D))
        layer = nn.TransformerEncoderLayer(D, 4, 2 * D, 0.0, activation, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Linear(D, CLASSES)

    def forward(self, ids):
        pad = ids.eq(0)
        h = self.embed(ids) + self.position[:, :ids.shape[1]]
        return self.out(mean(self.encoder(h, src_key_padding_mask=pad), pad))


class Committee(nn.Module):
    """The mean of several encoders of one layer."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList([Bert(1) for _ in range(members)])

    def forward(self, ids):
        return sum(m(ids) for m in self.members) / len(self.members)


class Attention(nn.Module):
    """Attention by hand; one projection for all, or queries that are the keys, if so asked."""

    def __init__(self, heads, packed=False, shared=False, groups=None):
        super().__init__()
        self.heads, self.groups, self.packed = heads, groups or heads, packed
        width = D // heads
        self.qkv = nn.Linear(D, 3 * D) if packed else None
        self.q = None if packed else nn.Linear(D, D)
        self.k = None if packed or shared else nn.Linear(D, self.groups * width)
        self.v = None if packed else nn.Linear(D, self.groups * width)
        self.out = nn.Linear(D, D)

    def split(self, x, heads):
        return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)

    def forward(self, x, pad, turn=None):
        b, n, _ = x.shape
        if self.packed:
            q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        else:
            q = self.split(self.q(x), self.heads)
            k = q if self.k is None else self.split(self.k(x), self.groups)
            v = self.split(self.v(x), self.groups)
        if turn:
            q, k = turn(q), turn(k)
        if self.groups != self.heads:
            wide = (b, self.groups, self.heads // self.groups, n, D // self.heads)
            k, v = (t[:, :, None].expand(*wide).reshape(b, self.heads, n, -1) for t in (k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(D // self.heads)
        if pad is not None:
            scores = scores.masked_fill(pad[:, None, None, :], float("-inf"))
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, D))


class TanhGelu(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


class Block(nn.Module):
    """Attention or none, layers or none, each normalised before and added."""

    def __init__(self, heads=4, attention=True, layers=True, act=None, **how):
        super().__init__()
        self.attention = Attention(heads, **how) if attention else None
        self.norm1 = nn.LayerNorm(D) if attention else None
        self.norm2 = nn.LayerNorm(D) if layers else None
        self.layers = nn.Sequential(nn.Linear(D, 2 * D), act or nn.GELU(), nn.Linear(2 * D, D)) if layers else None

    def forward(self, x, pad):
        if self.attention:
            x = x + self.attention(self.norm1(x), pad)
        return x + self.layers(self.norm2(x)) if self.layers else x


class Blocks(nn.Module):
    """A stack of blocks and one way to make a row of all."""

    def __init__(self, pool, *blocks):
        super().__init__()
        self.embed, self.position = nn.Embedding(WORDS, D, padding_idx=0), nn.Embedding(LENGTH, D)
        self.blocks, self.norm, self.pool = nn.ModuleList(blocks), nn.LayerNorm(D), pool
        self.score, self.out = nn.Linear(D, 1), nn.Linear(D, CLASSES)

    def forward(self, ids):
        pad = ids == 0
        h = self.embed(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            h = block(h, pad)
        h = self.norm(h)
        if self.pool == "mean":
            h = mean(h, pad)
        elif self.pool == "max":
            h = h.masked_fill(pad.unsqueeze(-1), float("-inf")).max(1).values
        elif self.pool == "first":
            h = h[:, 0]
        else:
            share = self.score(h).masked_fill(pad.unsqueeze(-1), -1e9).softmax(1)
            h = (share.transpose(1, 2) @ h).squeeze(1)
        return F.softmax(self.out(h), -1)


class Mha(nn.Module):
    """nn.MultiheadAttention alone, tokens first, and one output."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, D, padding_idx=0)
        self.attention = nn.ModuleList([nn.MultiheadAttention(D, 4) for _ in range(2)])
        self.norm = nn.ModuleList([nn.LayerNorm(D) for _ in range(2)])
        self.out = nn.Linear(D, 1)

    def forward(self, ids):
        pad = ids == 0
        h = (self.embed(ids) * math.sqrt(D)).transpose(0, 1)
        for attention, norm in zip(self.attention, self.norm):
            h = norm(h + attention(h, h, h, key_padding_mask=pad)[0])
        return torch.sigmoid(self.out(mean(h.transpose(0, 1), pad)))


class Convolutional(nn.Module):
    """Convolutions make the tokens of a transformer; sequence pooling."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 16, padding_idx=0)
        self.conv = nn.Conv1d(16, D, 3, padding=1, bias=False)
        self.conv2 = nn.Conv1d(D, D, 5, padding=2)
        self.blocks = nn.ModuleList([Block() for _ in range(2)])
        self.norm, self.score, self.out = nn.LayerNorm(D), nn.Linear(D, 1), nn.Linear(D, CLASSES)

    def forward(self, ids):
        keep = (ids != 0).float().unsqueeze(1)
        h = F.relu(self.conv(self.embed(ids).transpose(1, 2))) * keep
        h = F.relu(self.conv2(h)).transpose(1, 2)
        for block in self.blocks:
            h = block(h, ids == 0)
        h = self.norm(h)
        score = self.score(h) + (1 - keep.transpose(1, 2)) * -1e9
        return self.out(torch.matmul(F.softmax(score, dim=1).transpose(-1, -2), h).squeeze(-2))


class Strided(nn.Module):
    """The same over a fixed number of tokens, which become fewer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 16)
        self.conv, self.pool = nn.Conv1d(16, D, 3, stride=2, padding=1), nn.MaxPool1d(2)
        self.blocks = nn.ModuleList([Block(packed=True) for _ in range(2)])
        self.norm, self.score, self.out = nn.LayerNorm(D), nn.Linear(D, 1), nn.Linear(D, CLASSES)

    def forward(self, ids):
        h = self.pool(F.relu(self.conv(self.embed(ids).transpose(1, 2)))).transpose(1, 2)
        for block in self.blocks:
            h = block(h, None)
        h = self.norm(h)
        return self.out((F.softmax(self.score(h), dim=1).transpose(-1, -2) @ h).squeeze(-2))


class Mixer(nn.Module):
    """MLP-Mixer: layers over the tokens instead of attention."""

    def __init__(self, depth=2):
        super().__init__()
        self.embed = nn.Embedding(WORDS, D)
        self.norms = nn.ModuleList([nn.LayerNorm(D) for _ in range(2 * depth + 1)])
        self.tokens = nn.ModuleList([self.layers(LENGTH, 32) for _ in range(depth)])
        self.columns = nn.ModuleList([self.layers(D, 64) for _ in range(depth)])
        self.out = nn.Linear(D, CLASSES)

    @staticmethod
    def layers(n, hidden):
        return nn.Sequential(nn.Linear(n, hidden), nn.GELU(), nn.Linear(hidden, n))

    def forward(self, ids):
        h = self.embed(ids)
        for i, (tokens, columns) in enumerate(zip(self.tokens, self.columns)):
            h = h + tokens(self.norms[2 * i](h).transpose(1, 2)).transpose(1, 2)
            h = h + columns(self.norms[2 * i + 1](h))
        return self.out(self.norms[-1](h).mean(1))


class Hashed(nn.Module):
    """Rows of tables by hashes of the last two and three bytes, no table of words; attention; positions."""

    def __init__(self, buckets=1024):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(buckets, D) for _ in range(2)])
        self.block, self.norm, self.out = Block(), nn.LayerNorm(D), nn.Linear(D, CLASSES)
        self.position = nn.Parameter(0.1 * torch.randn(1, LENGTH, D))

    @staticmethod
    def rows(ids, size, seed, buckets):
        t, n, h = F.pad(ids + 1, (size - 1, 0)), ids.shape[1], seed
        for k in range(size):
            h = (h + t[:, k:k + n]) * 648053 % 2 ** 32
        return torch.div(h, 32768, rounding_mode="trunc") % buckets

    def forward(self, ids):
        pad = ids == 0
        h = self.position[:, :ids.shape[1]]
        for k, table in enumerate(self.tables):
            h = h + table(self.rows(ids, 2 + k, 7 + k, table.num_embeddings))
        return self.out(mean(self.norm(self.block(h, pad)), pad))


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(D))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class SwiGlu(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.gate, self.down = nn.Linear(D, 48, False), nn.Linear(D, 48, False), nn.Linear(48, D, False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Llama(nn.Module):
    """Rotary positions, grouped heads, RMSNorm and SwiGLU, as an encoder."""

    def __init__(self, depth=2):
        super().__init__()
        self.embed = nn.Embedding(WORDS, D, padding_idx=0)
        self.attention = nn.ModuleList([Attention(4, groups=2) for _ in range(depth)])
        self.layers = nn.ModuleList([SwiGlu() for _ in range(depth)])
        self.norms = nn.ModuleList([RmsNorm() for _ in range(2 * depth + 1)])
        self.out = nn.Linear(D, CLASSES)
        angle = torch.outer(torch.arange(LENGTH), 10000.0 ** -torch.arange(0, 1, 0.25))
        self.register_buffer("cos", torch.cat((angle, angle), -1).cos())
        self.register_buffer("sin", torch.cat((angle, angle), -1).sin())

    def turn(self, x):
        n, half = x.shape[-2], x.shape[-1] // 2
        return x * self.cos[:n] + torch.cat((-x[..., half:], x[..., :half]), -1) * self.sin[:n]

    def forward(self, ids):
        pad = ids == 0
        h = self.embed(ids)
        for i, (attention, layers) in enumerate(zip(self.attention, self.layers)):
            h = h + attention(self.norms[2 * i](h), pad, self.turn)
            h = h + layers(self.norms[2 * i + 1](h))
        return self.out(mean(self.norms[-1](h), pad))


class Experts(nn.Module):
    """Layers of which each token takes the two that its gate chooses, behind attention."""

    def __init__(self, experts=4, k=2):
        super().__init__()
        self.k, self.embed = k, nn.Embedding(WORDS, D, padding_idx=0)
        self.attention, self.gate = Block(layers=False), nn.Linear(D, experts)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(D, D), nn.GELU(), nn.Linear(D, D)) for _ in range(experts)])
        self.norm1, self.norm2, self.out = nn.LayerNorm(D), nn.LayerNorm(D), nn.Linear(D, CLASSES)

    def forward(self, ids):
        pad = ids == 0
        x = self.attention(self.embed(ids), pad)
        h = self.norm1(x)
        score = self.gate(h)
        least = score.topk(self.k, -1).values[..., self.k - 1:]
        share = score.masked_fill(score < least, float("-inf")).softmax(-1)
        for e, expert in enumerate(self.experts):
            x = x + share[..., e:e + 1] * expert(h)
        return self.out(mean(self.norm2(x), pad))


class Shift(nn.Module):
    """A quarter of the columns comes from the token before, a quarter from the one behind, no attention."""

    def __init__(self, depth=3):
        super().__init__()
        self.embed = nn.Embedding(WORDS, D)
        self.norms = nn.ModuleList([nn.LayerNorm(D) for _ in range(depth + 1)])
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(D, 2 * D), nn.GELU(), nn.Linear(2 * D, D))
                                     for _ in range(depth)])
        self.out = nn.Linear(D, CLASSES)

    def forward(self, ids):
        h, q = self.embed(ids), D // 4
        for norm, layers in zip(self.norms, self.layers):
            x = norm(h)
            x = torch.cat((F.pad(x[..., :q], (0, 0, 1, -1)), F.pad(x[..., q:2 * q], (0, 0, -1, 1)), x[..., 2 * q:]), -1)
            h = h + layers(x)
        return self.out(self.norms[-1](h).mean(1))


class Gpt(nn.Module):
    """GPT-2: causal attention, learned positions, the table of words again as the head. Says the next byte."""

    tells_next = True

    def __init__(self, depth=2):
        super().__init__()
        self.embed, self.position = nn.Embedding(WORDS, D), nn.Embedding(LENGTH, D)
        self.norms = nn.ModuleList([nn.LayerNorm(D) for _ in range(2 * depth + 1)])
        self.attention = nn.ModuleList([Attention(4, packed=True) for _ in range(depth)])
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(D, 4 * D), TanhGelu(), nn.Linear(4 * D, D))
                                     for _ in range(depth)])
        nn.init.normal_(self.embed.weight, std=0.1)

    def attend(self, attention, x, n):
        later = torch.ones(n, n, dtype=torch.bool).triu(1)
        q, k, v = attention.qkv(x).reshape(x.shape[0], n, 3, 4, D // 4).permute(2, 0, 3, 1, 4)
        share = (q @ k.transpose(-2, -1) / math.sqrt(D // 4)).masked_fill(later, float("-inf")).softmax(-1)
        return attention.out((share @ v).transpose(1, 2).reshape(x.shape[0], n, D))

    def run(self, h):
        n = h.shape[1]
        h = h + self.position(torch.arange(n))
        for i, attention in enumerate(self.attention):
            h = h + self.attend(attention, self.norms[2 * i](h), n)
            h = h + self.layers[i](self.norms[2 * i + 1](h))
        return F.linear(self.norms[-1](h)[:, -1], self.embed.weight)

    def forward(self, ids):
        return self.run(self.embed(ids))


class BytePooling(Gpt):
    """The same over pools of four bytes."""

    def __init__(self, depth=2):
        super().__init__(depth)
        self.pool = nn.Conv1d(D, D, 4, stride=4)

    def forward(self, ids):
        return self.run(self.pool(self.embed(ids).transpose(1, 2)).transpose(1, 2))


class Kan(nn.Module):
    """Functions of each column, as sums of radial ones, instead of activations."""

    def __init__(self, centers=8):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 16, padding_idx=0)
        self.register_buffer("centers", torch.linspace(-2, 2, centers))
        self.first, self.norm, self.second = nn.Linear(16 * centers, D), nn.LayerNorm(D), nn.Linear(D * centers, CLASSES)

    def spread(self, x):
        return torch.exp(-((x.unsqueeze(-1) - self.centers) / 0.57) ** 2).flatten(-2)

    def forward(self, ids):
        h = self.norm(self.first(self.spread(self.embed(ids))))
        return self.second(self.spread(mean(h, ids == 0)))


class HuggingFace(nn.Module):
    """BERT as its export has it: a mask and types of tokens are inputs, the first token is what counts."""

    inputs = ("input_ids", "attention_mask", "token_type_ids")

    def __init__(self, depth=2):
        super().__init__()
        self.word, self.place, self.kind = nn.Embedding(WORDS, D, padding_idx=0), nn.Embedding(LENGTH, D), nn.Embedding(2, D)
        self.query, self.key, self.value, self.dense, self.up, self.down = (
            nn.ModuleList([nn.Linear(n, m) for _ in range(depth)])
            for n, m in ((D, D), (D, D), (D, D), (D, D), (D, 2 * D), (2 * D, D)))
        self.norm = nn.ModuleList([nn.LayerNorm(D, eps=1e-12) for _ in range(2 * depth + 1)])
        self.pooler, self.out = nn.Linear(D, D), nn.Linear(D, CLASSES)

    @staticmethod
    def heads(x):
        return x.view(x.size()[:-1] + (4, D // 4)).permute(0, 2, 1, 3)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        if attention_mask is None:
            attention_mask, token_type_ids = (input_ids != 0).long(), torch.zeros_like(input_ids)
        low = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * torch.finfo(torch.float32).min
        places = torch.arange(input_ids.size(1)).unsqueeze(0)
        h = self.norm[-1](self.word(input_ids) + self.kind(token_type_ids) + self.place(places))
        for i, query in enumerate(self.query):
            q, k, v = self.heads(query(h)), self.heads(self.key[i](h)), self.heads(self.value[i](h))
            shares = F.softmax(torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(D // 4) + low, dim=-1)
            a = torch.matmul(shares, v).permute(0, 2, 1, 3).contiguous()
            h = self.norm[2 * i](self.dense[i](a.view(a.size()[:-2] + (D,))) + h)
            h = self.norm[2 * i + 1](self.down[i](F.gelu(self.up[i](h))) + h)
        return self.out(torch.tanh(self.pooler(h[:, 0])))


FIXED = ("mixer", "strided", "shift", "gpt-2", "byte-pooling")

# name: module, operator set, any number of tokens
FAMILIES = {
    "bert-1": (lambda: Bert(1), 13, True),
    "bert-2": (lambda: Bert(2, True, "relu"), 14, True),
    "bert-4": (lambda: Bert(4), 11, False),
    "bert-6": (lambda: Bert(6, True), 17, True),
    "committee": (lambda: Committee(4), 13, True),
    "no-attention": (lambda: Blocks("mean", Block(), Block(attention=False), Block(act=nn.SiLU())), 12, True),
    "no-mlp": (lambda: Blocks("max", *[Block(layers=False) for _ in range(3)]), 15, True),
    "symmetric": (lambda: Blocks("shares", Block(2, shared=True), Block(2, packed=True)), 16, True),
    "first": (lambda: Blocks("first", Block(act=TanhGelu())), 13, False),
    "multihead": (Mha, 13, False),
    "convolutional": (Convolutional, 13, True),
    "strided": (Strided, 13, False),
    "mixer": (Mixer, 13, False),
    "llama": (Llama, 13, True),
    "hashed": (Hashed, 13, True),
    "experts": (Experts, 13, True),
    "shift": (Shift, 13, False),
    "gpt-2": (Gpt, 14, False),
    "byte-pooling": (BytePooling, 14, False),
    "spline": (Kan, 13, True),
    "hugging-face": (HuggingFace, 13, True),
}
