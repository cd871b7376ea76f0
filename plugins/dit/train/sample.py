"""Draws a grid of 80 prompts.

usage: sample.py WEIGHTS STEPS GUIDANCE OUT.png
"""
import sys

import numpy as np
import torch
from PIL import Image

from net import DiT

NAMES = """red heart, blue heart, grinning face, crying face, cool face sunglasses, cat, dog, panda, tiger, frog,
penguin, unicorn, fish, octopus, butterfly, red apple, banana, strawberry, watermelon, grapes, pizza, hamburger, donut,
birthday cake, sun, rainbow, fire, evergreen tree, cactus, sunflower, red car, rocket, house, soccer ball, guitar, crown,
key, light bulb, ghost, pumpkin"""
PROMPTS = [f"{style} {name.strip()}" for style in ("noto", "twemoji") for name in NAMES.split(",")]
COLUMNS, CELL = 10, 34


def sample(net, x, tokens, steps, guidance):
    """Moves noise x to images in so many steps; without guidance (1) the captionless half is left out."""
    with torch.no_grad():
        for i in range(steps):
            t = torch.full((len(x),), i / steps)
            seen = net(x, t, tokens)
            if guidance != 1:
                without = net(x, t, tokens * 0)
                seen = without + guidance * (seen - without)
            x = x + (seen - x) / max(1 - i / steps, 0.05) / steps
    return x


def main(weights, steps, guidance, out):
    vocab = list(np.load("emoji32.npz")["vocab"])
    net = DiT(len(vocab))
    net.load_state_dict(torch.load(weights + ".pt"))
    net.eval()
    tokens = torch.zeros(len(PROMPTS), net.T, dtype=torch.int64)
    for row, prompt in zip(tokens, PROMPTS):
        for i, word in enumerate(prompt.split()):
            row[i] = vocab.index(word)

    torch.manual_seed(1)
    images = sample(net, torch.randn(len(PROMPTS), 3, 32, 32), tokens, steps, guidance).clamp(-1, 1)
    pixels = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    grid = np.full((len(PROMPTS) // COLUMNS * CELL, COLUMNS * CELL, 3), 255, np.uint8)
    for i, image in enumerate(pixels):
        y, x = i // COLUMNS * CELL + 1, i % COLUMNS * CELL + 1
        grid[y : y + 32, x : x + 32] = image
    Image.fromarray(grid).resize((3 * grid.shape[1], 3 * grid.shape[0]), Image.NEAREST).save(out)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
