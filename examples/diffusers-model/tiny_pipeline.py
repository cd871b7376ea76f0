"""Make a folder with a tiny Stable Diffusion pipeline whose weights are random: python tiny_pipeline.py FOLDER

Its sizes are those that diffusers' own tests use. It draws noise, in a second on any machine, and needs no download.
"""

from __future__ import annotations

import json
import os
import string
import sys
import tempfile

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"


def tokenizer() -> CLIPTokenizer:
    """Knows the letters."""
    tokens = [*string.ascii_lowercase, *(c + "</w>" for c in string.ascii_lowercase), START, END]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt")
        with open(vocabulary, "w") as f:
            json.dump({t: i for i, t in enumerate(tokens)}, f)
        with open(merges, "w") as f:
            f.write("#version: 0.2\n")
        return CLIPTokenizer(vocabulary, merges, model_max_length=77)


def pipeline() -> StableDiffusionPipeline:
    """Makes 64x64 images unless asked for others."""
    torch.manual_seed(0)
    words = tokenizer()
    return StableDiffusionPipeline(
        tokenizer=words,
        text_encoder=CLIPTextModel(CLIPTextConfig(
            vocab_size=len(words), hidden_size=32, intermediate_size=37, num_hidden_layers=5, num_attention_heads=4,
            bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id)),
        unet=UNet2DConditionModel(
            sample_size=32, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")),
        vae=AutoencoderKL(
            block_out_channels=[32, 64], latent_channels=4,
            down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1, set_alpha_to_one=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)


if __name__ == "__main__":
    pipeline().save_pretrained(sys.argv[1])
