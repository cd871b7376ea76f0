"""A model plugin that needs no weights: it blends two colours, step by step. The smallest whole example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strobe_plugin import BadRequest, Context, Description, Image, Info, Progress, Request, Result, Setup, Size, option, serve_model
from strobe_plugin.trace import Category, name

FORWARD = name("pipeline_forward", Category.STAGE)
STEP = name("denoise_step", Category.STEP)
BLOCK = name("blend", Category.BLOCK)


@dataclass
class Config:
    step_ms: float = option(20.0, min=0, max=10_000, doc="How long a step takes, in milliseconds.")
    palette: str = option("warm", enum=("warm", "cold"), doc="Colours to blend.")


class Gradient:
    """A loaded model: a session."""

    def __init__(self, setup: Setup) -> None:
        self.config: Config = setup.config
        self.worker = setup.recorder.track("worker")

    def info(self) -> Info:
        return Info(makes=True, max=Size(512, 512), default_steps=8, max_steps=100, synthetic=True)

    def generate(self, ctx: Context, request: Request, progress: Progress) -> Result:
        size, steps = request.size or Size(64, 64), request.steps or 8
        if size.width > 512 or size.height > 512:
            raise BadRequest("size", f"{size.width}x{size.height} is too large; at most 512x512")
        self.worker.set_request(request.id)
        with self.worker.span(FORWARD, {"width": size.width, "height": size.height}):
            self.worker.flow_in(request.flow)
            pixels = np.random.default_rng(request.seed).random((request.count, size.height, size.width, 3))
            for step in range(1, steps + 1):
                with self.worker.span(STEP, {"step": step}):
                    self.blend(ctx, pixels, step / steps)
                progress(step, steps)
        self.worker.set_request("")
        return Result([Image.from_array((p * 255).astype(np.uint8)) for p in pixels], steps=steps)

    def blend(self, ctx: Context, pixels: np.ndarray, share: float) -> None:
        with self.worker.span(BLOCK):
            target = np.array((1.0, 0.5, 0.1) if self.config.palette == "warm" else (0.1, 0.5, 1.0))
            pixels += (target * np.linspace(0, 1, pixels.shape[2])[:, None] - pixels) * share
        ctx.wait(self.config.step_ms / 1000)

    def close(self) -> None:
        pass


class GradientModel:
    def describe(self) -> Description:
        return Description("gradient", "0.1.0", "Blends two colours, step by step; an example in Python.", Config)

    def load(self, ctx: Context, setup: Setup) -> Gradient:
        return Gradient(setup)


if __name__ == "__main__":
    serve_model(GradientModel())
