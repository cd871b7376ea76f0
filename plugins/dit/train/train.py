"""Trains the network on emoji32.npz: rectified flow, prediction of the clean image, weighted as its velocity would be.

usage: train.py SECONDS BATCH LEARNING_RATE OUT [INIT]

for example: train.py 900 64 8e-4 a && train.py 4500 64 1e-3 emoji a
On Debian's torch 1.13 with OpenBLAS: OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=SKYLAKEX OMP_WAIT_POLICY=passive
"""
import copy
import json
import math
import sys
import time

import numpy as np
import torch

from net import DiT

DROP = 0.1  # share of captions, and of styles, that are dropped
MARGIN = 2  # of the 36x36 images around the 32x32 that are learned


def rate_at(step, share, peak):
    """Warm-up over 100 steps, then a cosine down to 2 % of the peak; share is the time used, 0..1."""
    return peak * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, share))))


def loss_of(net, images, tokens):
    tokens = tokens.clone()
    tokens[torch.rand(len(tokens)) < DROP] = 0
    tokens[torch.rand(len(tokens)) < DROP, 0] = 0
    t = torch.sigmoid(torch.randn(len(images)) * 1.2 - 0.4)
    noise = torch.randn_like(images)
    at = t[:, None, None, None]
    with torch.autocast("cpu", torch.bfloat16):
        seen = net((1 - at) * noise + at * images, t, tokens)
    weight = (1 / (1 - t).clamp(min=0.1) ** 2)[:, None, None, None]
    return (weight * (seen - images) ** 2).mean()


def main(seconds, batch, peak, out, init=None):
    torch.set_num_threads(2)
    torch.manual_seed(0)
    data = np.load("emoji32.npz")
    images = torch.from_numpy(data["img"]).float().permute(0, 3, 1, 2) / 127.5 - 1
    images = images[:, :, MARGIN : MARGIN + 32, MARGIN : MARGIN + 32]
    tokens = torch.from_numpy(data["tok"])

    net = DiT(len(data["vocab"]))
    if init:
        net.load_state_dict(torch.load(init + ".pt"))
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), peak, betas=(0.9, 0.98), weight_decay=0.01)

    begin, step, running, log = time.time(), 0, 0.0, []
    while (elapsed := time.time() - begin) <= seconds:
        rate = rate_at(step, elapsed / seconds, peak)
        for group in optimiser.param_groups:
            group["lr"] = rate
        pick = torch.randint(0, len(images), (batch,))
        loss = loss_of(net, images[pick], tokens[pick])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        keep = min(0.999, (step + 1) / (step + 20))
        with torch.no_grad():
            for a, b in zip(average.parameters(), net.parameters()):
                a.lerp_(b, 1 - keep)

        step += 1
        running += loss.item()
        if step % 50 == 0:
            print(f"{step} {elapsed:.0f}s loss {running / 50:.4f} lr {rate:.2e}", flush=True)
            log.append((step, elapsed, running / 50))
            running = 0.0
        if step % 500 == 0:
            torch.save(average.state_dict(), f"{out}.pt")
    torch.save(average.state_dict(), f"{out}.pt")
    with open(f"{out}.json", "w") as f:
        json.dump(log, f)
    print("done", step, "steps", step * batch, "samples", time.time() - begin)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:6])
