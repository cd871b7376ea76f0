"""What a model plugin implements: one stage of a diffusion pipeline, samples in, samples out.

The life of a model plugin: ``describe`` any number of times; ``load`` once; then ``generate`` of its session any number of
times, one call at a time; ``close`` once. ``load``, ``generate`` and ``close`` come from one and the same thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from .context import Context
from .trace import Recorder


@dataclass(frozen=True)
class Description:
    """What a plugin is."""

    name: str
    version: str
    summary: str = ""
    """One line about it."""
    config: type | None = None
    """A dataclass of what the plugin can be configured with, see :func:`strobe_plugin.option`; None: nothing."""


@dataclass(frozen=True)
class Size:
    """Size of an image in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Image:
    """8-bit RGB, row by row, 3 bytes a pixel, no padding: ``len(pixels) == 3 * width * height``."""

    width: int
    height: int
    pixels: bytes

    @staticmethod
    def from_array(array: Any) -> "Image":
        """Make an image of a numpy array of shape (height, width, 3) and type uint8."""
        height, width, channels = array.shape
        if channels != 3 or str(array.dtype) != "uint8":
            raise ValueError(f"an array of {array.shape} and {array.dtype}, must be (height, width, 3) and uint8")
        return Image(width, height, array.tobytes())

    def to_array(self) -> Any:
        """The pixels as a read-only numpy array of shape (height, width, 3)."""
        import numpy

        return numpy.frombuffer(self.pixels, numpy.uint8).reshape(self.height, self.width, 3)


@dataclass(frozen=True)
class Setup:
    """What ``load`` is given: which process of which stage this is, and with what it works."""

    model: str
    """The served model's name: "emoji"."""
    stage: int
    """Index of the stage in the model, from 0."""
    stage_name: str
    rank: int
    """Index of the process within the stage, from 0."""
    replicas: int
    """How many processes serve the stage."""
    config: Any
    """The user's values: an instance of the description's ``config``; None when there is none."""
    recorder: Recorder
    """Records what the model does. Valid until ``close`` returns."""


@dataclass(frozen=True)
class Info:
    """What a loaded session says of itself."""

    makes: bool = True
    """The stage makes images from nothing; the first stage of a model must."""
    sizes: Sequence[Size] = ()
    """What it makes natively; empty: any size within ``max``."""
    max: Size | None = None
    """The largest size that it can make or resize to; None: no limit of its own."""
    resizes: bool = False
    """It changes images to the requested size."""
    default_steps: int = 0
    default_guidance: float = 0.0
    max_steps: int = 0
    """0: the stage has no steps."""
    synthetic: bool = False
    """The weights are made up: costs are real, pictures are not."""
    parameters: int = 0
    """Number of weights; 0 when unknown."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Shown in /v1/models: {"preset": "xl"}."""


@dataclass(frozen=True)
class Request:
    """What a stage gets. None: the caller did not say."""

    id: str
    """Give it to ``track.set_request``."""
    flow: int
    """Give it to ``track.flow_in`` in the outermost span; 0: none, which ``flow_in`` ignores."""
    prompt: str
    negative_prompt: str = ""
    size: Size | None = None
    """None: the model's native size."""
    steps: int = 0
    """0: the default."""
    guidance: float | None = None
    strength: float | None = None
    """Image-to-image, 0 to 1."""
    seed: int = 0
    count: int = 1
    """How many images a stage that makes images makes."""
    images: Sequence[Image] = ()
    """Input images for the first stage, what the stage before made for later ones."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Fields that the server does not know, as JSON texts."""


@dataclass
class Result:
    """What a stage gives."""

    images: Sequence[Image]
    steps: int = 0
    """Denoise steps done."""
    warnings: Sequence[str] = ()
    """For the caller, not for a log."""
    durations: Mapping[str, float] = field(default_factory=dict)
    """Seconds by name: {"diffuse": 0.41}."""
    peak_memory_bytes: int = 0
    """Largest use of the stage's own memory during the request; 0 when unknown."""


class BadRequest(Exception):
    """The caller's fault: a value that the stage cannot serve."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        """The request's field: "size"."""
        self.message = message
        """What is wrong and what would do."""


Progress = Callable[[int, int], None]
"""``progress(step, steps)`` after each step, from 1, on generate's thread. It raises Cancelled when the caller has gone."""


@runtime_checkable
class Session(Protocol):
    """A loaded model. ``info(self) -> Info`` is optional: without it the stage makes images of any size and has no steps."""

    def generate(self, ctx: Context, request: Request, progress: Progress) -> Result:
        """Run the stage for one request. Never called twice at a time. When ``ctx`` is cancelled it raises
        :class:`Cancelled` within one step, which ``progress`` and ``ctx.check`` do. :class:`BadRequest` is the caller's
        fault; any other exception is the plugin's."""
        ...

    def close(self) -> None:
        """Free what ``load`` took. Called once, after the last ``generate`` returned."""
        ...


@runtime_checkable
class Model(Protocol):
    """Implemented by the author of a model plugin.

    ``probe(self, ctx, config) -> list[Finding]`` is optional: what stands in the way of working here and now.
    """

    def describe(self) -> Description:
        """Say what the plugin is. No side effects, quick; called more than once."""
        ...

    def load(self, ctx: Context, setup: Setup) -> Session:
        """Make the model ready. ``ctx`` bounds it."""
        ...
