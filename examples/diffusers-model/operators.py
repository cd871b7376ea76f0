"""Torch's operators as spans, while a profile records.

A TorchDispatchMode sees each operator when it runs, so its span is written at once: nothing is kept in memory, a killed
process loses none, and the clock is the recorder's own. torch.profiler would keep all of them until it is stopped, and then
take seconds to sort them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kernels import Kernels
from strobe_plugin.trace import Category, NameID, Prepared, Recorder, Shapes, Text, Track, name, now

KEY_DIMS, KEY_DTYPE = name("Input Dims"), name("dtype")
MAX_KNOWN = 20_000
"""Sets of shapes that are remembered; those of further ones are left out. Callers choose sizes, and names live as long as the
process."""


class Operators:
    """Entered around a request. ``follow`` looks again whether a profile wants operators."""

    def __init__(self, recorder: Recorder, track: Track, enabled: bool, kernels: Kernels) -> None:
        self.recorder, self.enabled = recorder, enabled
        self.described = Described()
        self.track, self.kernels = track, kernels
        self.mode: TorchDispatchMode | None = None

    def follow(self) -> None:
        """Record operators from now on, or no longer."""
        wanted = self.enabled and self.recorder.wants(Category.OPERATOR)
        if wanted and self.mode is None:
            self.mode = _Mode(self)
            self.mode.__enter__()
        elif not wanted:
            self.__exit__()

    def __enter__(self) -> None:
        self.follow()

    def __exit__(self, *_: Any) -> None:
        mode, self.mode = self.mode, None
        if mode is not None:
            mode.__exit__(None, None, None)


class Described:
    """What is said of operators, worked out once for each shape."""

    def __init__(self) -> None:
        self.names: dict[Any, NameID] = {}
        self.known: dict[Any, Any] = {}

    def name(self, func: Any) -> NameID:
        """aten::mm."""
        n = self.names.get(func)
        if n is None:
            n = self.names[func] = name(func._schema.name, Category.OPERATOR)
        return n

    def arguments(self, args: Any) -> Any:
        """The input tensors' shapes, and the type of the first; None without tensors."""
        tensors = []
        for a in args:
            if isinstance(a, torch.Tensor):
                tensors.append(a)
            elif isinstance(a, (list, tuple)):
                tensors += [e for e in a if isinstance(e, torch.Tensor)]
        if not tensors:
            return None
        key = (tensors[0].dtype, *[t.shape for t in tensors])
        described = self.known.get(key)
        if described is None:
            values: dict[Any, Any] = {KEY_DTYPE: Text(str(key[0]).removeprefix("torch."))}
            if len(self.known) >= MAX_KNOWN:
                return values
            values[KEY_DIMS] = Shapes([list(t.shape) for t in tensors])
            described = self.known[key] = Prepared(values)
        return described


class _Mode(TorchDispatchMode):
    def __init__(self, operators: Operators) -> None:
        super().__init__()
        self.track, self.kernels, self.described = operators.track, operators.kernels, operators.described

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        span = self.track.begin(self.described.name(func), self.described.arguments(args))
        try:
            return func(*args, **kwargs) if kwargs else func(*args)
        finally:
            span.end()
            if self.kernels.active:
                self.kernels.operator(span, now())
