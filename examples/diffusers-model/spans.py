"""Spans of a pipeline's parts, by torch's forward hooks: text encoders, denoise steps, blocks, vae.decode.

The hooks stay in place. While nothing records each costs a call of Python and writes nothing.
"""

from __future__ import annotations

from typing import Any

from strobe_plugin.trace import Category, NameID, Span, Track, name

STEP = name("denoise_step", Category.STEP)
DECODE = name("vae.decode", Category.STAGE)
KEY_STEP, KEY_TIME = name("step"), name("t")


class PipelineSpans:
    """Follows one pipeline, whose calls do not overlap. ``denoiser`` is its unet or its transformer."""

    def __init__(self, pipe: Any, track: Track) -> None:
        self.pipe, self.track = pipe, track
        self.stack: list[Span] = []
        self.begin()
        self.denoiser = getattr(pipe, "unet", None) or getattr(pipe, "transformer", None)
        if self.denoiser is None:
            raise RuntimeError(f"{type(pipe).__name__} has neither unet nor transformer: this plugin cannot tell its denoise steps")
        for key, part in pipe.components.items():
            if key.startswith("text_encoder") and part is not None:
                self._hook(part, name(key, Category.STAGE))
        self.denoiser.register_forward_pre_hook(self._first_step)
        for path, module in self.denoiser.named_modules():
            if "Block" in type(module).__name__:
                self._hook(module, name(path, Category.BLOCK))
        if getattr(pipe, "vae", None) is not None:
            pipe.vae.decode = self._wrapped(pipe.vae.decode)

    def _hook(self, module: Any, n: NameID) -> None:
        module.register_forward_pre_hook(lambda *_: self.stack.append(self.track.begin(n)))
        module.register_forward_hook(lambda *_: self.stack.pop().end())

    def _wrapped(self, decode: Any) -> Any:
        def traced(*args: Any, **kwargs: Any) -> Any:
            with self.track.span(DECODE):
                return decode(*args, **kwargs)

        return traced

    def begin(self) -> None:
        """A call of the pipeline begins. What an error left open, the span around the call has ended."""
        self.stack.clear()
        self.steps = 0
        """Denoise steps done."""
        self._times: list[float] = []
        self._open: Span | None = None

    def _first_step(self, *_: Any) -> None:
        """The pipeline does not say that its loop begins: its first call of the denoiser does."""
        if self._times:
            return
        times = self.pipe.scheduler.timesteps
        count = getattr(self.pipe, "_num_timesteps", None) or len(times)
        self._times = [float(t) for t in times[-count:].tolist()]  # once a request: it waits for the device
        self._begin_step(0)

    def _begin_step(self, i: int) -> None:
        self._open = self.track.begin(STEP, {KEY_STEP: i, KEY_TIME: self._times[i]})

    def step_end(self, i: int) -> int:
        """Step i is done, and the next begins if there is one: what the pipeline does between two calls of the denoiser
        belongs to a step. Returns how many steps there are."""
        if self._open is not None:
            self._open.end()
            self._open = None
        self.steps = i + 1
        if self.steps < len(self._times):
            self._begin_step(self.steps)
        return len(self._times)
