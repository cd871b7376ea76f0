"""Writes emoji.safetensors (float16) and reference.safetensors (float32, made from the float16 weights).

usage: export.py WEIGHTS.pt FOLDER
"""
import json
import struct
import sys

import numpy as np
import torch

from net import DiT
from sample import sample

DTYPES = {"F16": "<f2", "F32": "<f4", "I32": "<i4"}


def write(path, tensors, dtype, metadata=None):
    """A safetensors file: 8-byte little-endian length, so much JSON padded to 8, raw tensors. Integers become I32."""
    header, offset, blobs = {"__metadata__": metadata} if metadata else {}, 0, []
    for name, tensor in tensors.items():
        d = dtype if tensor.dtype.kind == "f" else "I32"
        array = np.ascontiguousarray(tensor.astype(DTYPES[d]))
        header[name] = {"dtype": d, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        blobs.append(array.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(path, 8 + len(text) + offset)


def reference(net, tokens):
    """Inputs and outputs of the network, and a 20-step sample before clamping."""
    torch.manual_seed(3)
    x, t, tok = torch.randn(2, 3, 32, 32), torch.tensor([0.3, 0.7]), tokens[[5, 150]]
    noise, prompt = torch.randn(1, 3, 32, 32), tokens[[20]]
    with torch.no_grad():
        y = net(x, t, tok)
    image = sample(net, noise.clone(), prompt, steps=20, guidance=1.5)
    return dict(x=x, t=t, tok=tok, y=y, noise=noise, prompt_tok=prompt, image=image)


def main(weights, folder):
    data = np.load("emoji32.npz")
    vocab, captions = [str(v) for v in data["vocab"]], [str(c) for c in data["caps"]]
    net = DiT(len(vocab))
    net.load_state_dict({name: w.half().float() for name, w in torch.load(weights).items()})
    net.eval()
    metadata = {
        "format": "pt", "vocab": "\n".join(vocab), "size": "32", "patch": "4", "width": "192", "heads": "6",
        "layers": "6", "text_tokens": "6", "prediction": "x", "captions": "\n".join(captions),
    }
    write(folder + "/emoji.safetensors", {k: v.numpy() for k, v in net.state_dict().items()}, "F16", metadata)
    vectors = reference(net, torch.from_numpy(data["tok"]))
    write(folder + "/reference.safetensors", {k: v.numpy() for k, v in vectors.items()}, "F32")
    print("prompt of the reference image:", captions[20])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
