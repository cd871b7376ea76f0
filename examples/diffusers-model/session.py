"""The loaded pipeline: requests into calls of it, and their spans."""

from __future__ import annotations

import importlib.util
import inspect
import math
from typing import Any

import diffusers
import torch
import transformers

from kernels import Kernels
from operators import Operators
from spans import PipelineSpans
from strobe_plugin import BadRequest, Context, Image, Info, Progress, Request, Result, Size
from strobe_plugin.trace import Category, Recorder, name

PIPELINE = name("pipeline_forward", Category.STAGE)
MAX_STEPS = 1000


def load_session(config: Any, recorder: Recorder) -> "PipelineSession":
    """Load the folder to the device. Nothing is downloaded."""
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError('device is "cuda" and torch sees none: install a torch built for the machine\'s driver, or set device = "auto"')
    dtype = config.dtype
    if dtype == "auto":
        dtype = "float16" if device == "cuda" else "float32"
    diffusers.utils.logging.disable_default_handler()  # what it logs goes where ours does
    diffusers.utils.logging.enable_propagation()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    current = tuple(int(part) for part in diffusers.__version__.split(".")[:2]) >= (0, 40)
    pipe = diffusers.DiffusionPipeline.from_pretrained(
        config.model_path,
        local_files_only=True,
        low_cpu_mem_usage=importlib.util.find_spec("accelerate") is not None,
        **{"dtype" if current else "torch_dtype": getattr(torch, dtype)},
    )
    if "callback_on_step_end" not in inspect.signature(pipe.__call__).parameters:
        raise RuntimeError(f"{type(pipe).__name__} has no callback_on_step_end, which this plugin needs: use a later diffusers or another pipeline")
    pipe.set_progress_bar_config(disable=True)
    return PipelineSession(pipe.to(device), config, recorder)


class PipelineSession:
    """One pipeline, one request at a time, all on one thread."""

    def __init__(self, pipe: Any, config: Any, recorder: Recorder) -> None:
        self.pipe, self.config = pipe, config
        self.takes = inspect.signature(pipe.__call__).parameters
        self.track = recorder.track("worker")
        self.spans = PipelineSpans(pipe, self.track)
        self.kernels = Kernels(recorder, pipe.device, self.track)
        self.operators = Operators(recorder, self.track, config.profile_operators, self.kernels)
        self.scale = getattr(pipe, "vae_scale_factor", 8)
        patch = getattr(self.spans.denoiser.config, "patch_size", 1)
        self.multiple = math.lcm(8, self.scale * (patch if isinstance(patch, int) else 1))
        self.native = self._native()

    def _native(self) -> Size:
        sample = getattr(self.pipe, "default_sample_size", None) or getattr(self.spans.denoiser.config, "sample_size", None)
        side = sample * self.scale if isinstance(sample, int) else self.config.max_size
        side = max(self.multiple, min(side, self.config.max_size // self.multiple * self.multiple))
        return Size(side, side)

    def info(self) -> Info:
        parts = [m for m in self.pipe.components.values() if isinstance(m, torch.nn.Module)]
        return Info(
            max=Size(self.config.max_size, self.config.max_size),
            default_steps=self.config.steps,
            default_guidance=self.config.guidance,
            max_steps=MAX_STEPS,
            parameters=sum(p.numel() for m in parts for p in m.parameters()),
            details={
                "pipeline": type(self.pipe).__name__,
                "device": str(self.pipe.device),
                "dtype": str(self.pipe.dtype).removeprefix("torch."),
                "torch": torch.__version__,
                "diffusers": diffusers.__version__,
            },
        )

    def generate(self, ctx: Context, request: Request, progress: Progress) -> Result:
        arguments, warnings = self._arguments(request)

        def step_end(pipe: Any, i: int, t: Any, values: dict) -> dict:
            steps = self.spans.step_end(i)
            self.operators.follow()
            progress(i + 1, steps)  # raises Cancelled, which ends the pipeline's loop
            return {}

        self.track.set_request(request.id)
        self.spans.begin()
        try:
            with self.track.span(PIPELINE), self.kernels.request(request.id), self.operators:
                self.track.flow_in(request.flow)
                ctx.check()
                images = self.pipe(**arguments, callback_on_step_end=step_end, output_type="np").images
        finally:
            self.track.set_request("")
        pixels = (images * 255).round().astype("uint8")
        return Result([Image.from_array(p) for p in pixels], steps=self.spans.steps, warnings=warnings, peak_memory_bytes=self.kernels.peak_memory())

    def _arguments(self, r: Request) -> tuple[dict[str, Any], list[str]]:
        """What the pipeline is called with, and what of the request it does not take."""
        size = r.size or self.native
        if size.width % self.multiple or size.height % self.multiple:
            raise BadRequest("size", f"{size.width}x{size.height}: width and height must be multiples of {self.multiple}")
        if max(size.width, size.height) > self.config.max_size:
            raise BadRequest("size", f"{size.width}x{size.height}: at most {self.config.max_size} pixels a side")
        if not 0 <= r.steps <= MAX_STEPS:
            raise BadRequest("num_inference_steps", f"{r.steps} steps asked for, must be 1 to {MAX_STEPS}")
        if r.images:
            raise BadRequest("image", "this pipeline makes images from text alone: leave the image out")
        wanted: dict[str, Any] = {
            "prompt": r.prompt,
            "width": size.width,
            "height": size.height,
            "num_inference_steps": r.steps or self.config.steps,
            "guidance_scale": self.config.guidance if r.guidance is None else r.guidance,
            "num_images_per_prompt": max(1, r.count),
            # Noise is made on the CPU: a seed gives the same noise on every device.
            "generator": [torch.Generator("cpu").manual_seed((r.seed + i) % 2**63) for i in range(max(1, r.count))],
        }
        if r.negative_prompt:
            wanted["negative_prompt"] = r.negative_prompt
        unknown = [key for key in wanted if key not in self.takes]
        return {k: v for k, v in wanted.items() if k in self.takes}, [f"{type(self.pipe).__name__} takes no {k}" for k in unknown]

    def close(self) -> None:
        del self.pipe
