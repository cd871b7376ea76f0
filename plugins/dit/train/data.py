"""Builds emoji32.npz: captions and 36x36 RGB images, of which the trainer cuts 32x32.

usage: data.py FOLDER

FOLDER holds the npm packages emoji-datasource-google@16.0.0 and emoji-datasource-twitter@16.0.0, unpacked as
google/img/google/64/*.png and twitter/img/twitter/64/*.png.
"""
import sys

import numpy as np
from PIL import Image

TOKENS = 6  # a caption, padded with 0

# The stem of the picture's file, and the caption without its style.
ITEMS = {
    "2764-fe0f": "red heart", "1f499": "blue heart", "1f49a": "green heart", "1f49b": "yellow heart",
    "1f49c": "purple heart", "1f9e1": "orange heart", "1f5a4": "black heart", "1f494": "broken heart",
    "1f600": "grinning face", "1f602": "laughing face", "1f622": "crying face", "1f620": "angry face",
    "1f60e": "cool face sunglasses", "1f634": "sleeping face", "1f60d": "heart eyes face",
    "1f914": "thinking face", "1f62e": "surprised face", "1f61b": "tongue face", "1f431": "cat", "1f436": "dog",
    "1f42d": "mouse", "1f430": "rabbit", "1f98a": "fox", "1f43b": "bear", "1f43c": "panda", "1f42f": "tiger",
    "1f981": "lion", "1f42e": "cow", "1f437": "pig", "1f438": "frog", "1f435": "monkey", "1f414": "chicken",
    "1f427": "penguin", "1f426": "bird", "1f989": "owl", "1f984": "unicorn", "1f41f": "fish", "1f433": "whale",
    "1f419": "octopus", "1f980": "crab", "1f422": "turtle", "1f41d": "bee", "1f98b": "butterfly",
    "1f34e": "red apple", "1f34f": "green apple", "1f34c": "banana", "1f353": "strawberry",
    "1f349": "watermelon", "1f347": "grapes", "1f34b": "lemon", "1f34a": "orange fruit", "1f350": "pear",
    "1f351": "peach", "1f352": "cherries", "1f34d": "pineapple", "1f345": "tomato", "1f346": "eggplant",
    "1f951": "avocado", "1f955": "carrot", "1f33d": "corn", "1f355": "pizza", "1f354": "hamburger",
    "1f369": "donut", "1f36a": "cookie", "1f382": "birthday cake", "1f366": "ice cream", "1f373": "fried egg",
    "2600-fe0f": "sun", "1f319": "crescent moon", "2b50": "star", "2601-fe0f": "cloud", "1f308": "rainbow",
    "1f525": "fire", "26c4": "snowman", "2744-fe0f": "snowflake", "1f332": "evergreen tree",
    "1f334": "palm tree", "1f335": "cactus", "1f339": "rose", "1f33b": "sunflower", "1f337": "tulip",
    "1f344": "mushroom", "1f340": "clover", "1f697": "red car", "1f68c": "bus", "1f680": "rocket",
    "2708-fe0f": "airplane", "1f3e0": "house", "26bd": "soccer ball", "1f3c0": "basketball",
    "1f3be": "tennis ball", "1f3b8": "guitar", "1f388": "balloon", "1f451": "crown", "1f48e": "gem diamond",
    "1f511": "key", "1f514": "bell", "1f4a1": "light bulb", "1f512": "lock", "1f47b": "ghost", "1f480": "skull",
    "1f916": "robot", "1f383": "pumpkin",
}


def picture(path):
    """A 64x64 emoji on white with a margin of 4, scaled to 36x36."""
    emoji = Image.open(path).convert("RGBA")
    canvas = Image.new("RGBA", (72, 72), (255, 255, 255, 255))
    canvas.alpha_composite(emoji, (4, 4))
    return np.asarray(canvas.convert("RGB").resize((36, 36), Image.LANCZOS))


def main(root):
    captions, images, missing = [], [], []
    for vendor, style in (("google", "noto"), ("twitter", "twemoji")):
        for stem, name in ITEMS.items():
            try:
                images.append(picture(f"{root}/{vendor}/img/{vendor}/64/{stem}.png"))
            except FileNotFoundError:
                missing.append((vendor, stem, name))
                continue
            captions.append(f"{style} {name}")

    vocab = ["<null>"] + sorted({word for caption in captions for word in caption.split()})
    tokens = np.zeros((len(captions), TOKENS), np.int64)
    for i, caption in enumerate(captions):
        for j, word in enumerate(caption.split()[:TOKENS]):
            tokens[i, j] = vocab.index(word)
    print(len(captions), "images", len(vocab), "words", "missing", missing)
    np.savez("emoji32.npz", img=np.stack(images), tok=tokens, vocab=np.array(vocab), caps=np.array(captions))


if __name__ == "__main__":
    main(sys.argv[1])
