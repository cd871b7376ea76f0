"""The network: a diffusion transformer conditioned on a caption. See ../weights/README.md for the arithmetic."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

FREQUENCIES = 64  # of the time embedding: as many cosines and as many sines


class Block(nn.Module):
    """Attention and a hidden layer, each modulated (scale, shift, gate) by the time and the caption."""

    def __init__(self, width, heads, mlp=4):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.o = nn.Linear(width, width)
        self.f1 = nn.Linear(width, mlp * width)
        self.f2 = nn.Linear(mlp * width, width)
        self.mod = nn.Parameter(torch.zeros(6, width))

    def forward(self, x, shared):
        batch, tokens, width = x.shape
        modulation = shared + self.mod
        scale1, shift1, gate1, scale2, shift2, gate2 = [modulation[:, i : i + 1] for i in range(6)]

        h = F.layer_norm(x, (width,)) * (1 + scale1) + shift1
        qkv = self.qkv(h).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2)).float() * (width // self.heads) ** -0.5
        attention = torch.softmax(scores, -1).to(v.dtype)
        h = (attention @ v).transpose(1, 2).reshape(batch, tokens, width)
        x = x + gate1 * self.o(h)

        h = F.layer_norm(x, (width,)) * (1 + scale2) + shift2
        return x + gate2 * self.f2(F.gelu(self.f1(h), approximate="tanh"))


class DiT(nn.Module):
    """vocab words, T tokens a caption, images of side S in patches of side P, C channels."""

    def __init__(self, vocab, T=6, D=192, L=6, H=6, S=32, P=4, C=3):
        super().__init__()
        self.T, self.D, self.S, self.P, self.C = T, D, S, P, C
        self.inp = nn.Linear(P * P * C, D)
        self.pos = nn.Parameter(torch.randn((S // P) ** 2 + T, D) * 0.02)
        self.txt = nn.Embedding(vocab, D)
        self.t1 = nn.Linear(2 * FREQUENCIES, D)
        self.t2 = nn.Linear(D, D)
        self.tm = nn.Linear(D, 6 * D)
        self.blocks = nn.ModuleList([Block(D, H) for _ in range(L)])
        self.fm = nn.Linear(D, 2 * D)
        self.out = nn.Linear(D, P * P * C)

        nn.init.normal_(self.txt.weight, std=0.5)
        for layer in (self.out, self.tm, self.fm):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for block in self.blocks:
            block.mod.data[[2, 5]] = 0.5  # gates half open

    def patch(self, x):
        """Images [B,C,S,S] to patches [B,N,C*P*P], channel-major inside a patch."""
        side = self.S // self.P
        x = x.view(x.shape[0], self.C, side, self.P, side, self.P)
        return x.permute(0, 2, 4, 1, 3, 5).reshape(x.shape[0], side * side, -1)

    def unpatch(self, x):
        side = self.S // self.P
        x = x.view(x.shape[0], side, side, self.C, self.P, self.P)
        return x.permute(0, 3, 1, 4, 2, 5).reshape(x.shape[0], self.C, self.S, self.S)

    def forward(self, x, t, tok):
        """The clean images seen in x [B,C,S,S] at times t [B] in 0..1 for captions tok [B,T]."""
        frequencies = torch.exp(-math.log(1000) * torch.arange(FREQUENCIES) / FREQUENCIES) * 1000
        angles = t[:, None] * frequencies[None]
        words = self.txt(tok)
        time = self.t2(F.silu(self.t1(torch.cat([angles.cos(), angles.sin()], -1))))
        c = F.silu(time + words.mean(1))
        shared = self.tm(c).view(-1, 6, self.D).float()
        h = torch.cat([words, self.inp(self.patch(x))], 1) + self.pos
        for block in self.blocks:
            h = block(h, shared)
        scale, shift = self.fm(c).float()[:, None].chunk(2, -1)
        h = F.layer_norm(h[:, self.T :].float(), (self.D,)) * (1 + scale) + shift
        return self.unpatch(self.out(h).float())
