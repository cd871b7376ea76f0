"""Strobe plugins in Python: models that are profiled while they serve, and profilers.

A model plugin implements :class:`Model` and calls :func:`serve_model`; a profiler plugin implements :class:`Profiler` and
calls :func:`serve_profiler`. :mod:`strobe_plugin.trace` records, :mod:`strobe_plugin.recording` reads recordings.

Log with :mod:`logging`: records arrive at the host with level, message and the pairs of ``extra``. What is printed goes
to the host's log, too.
"""

from .config import Finding, Severity, option
from .context import Cancelled, Context
from .model import (
    BadRequest,
    Description,
    Image,
    Info,
    Model,
    Progress,
    Request,
    Result,
    Session,
    Setup,
    Size,
)
from .profiler import Artifact, Filter, Profile, Profiler, RecordedProcess, Sink, Summary, artifact_of
from .serve import serve_model, serve_profiler

__all__ = [
    "Artifact",
    "BadRequest",
    "Cancelled",
    "Context",
    "Description",
    "Filter",
    "Finding",
    "Image",
    "Info",
    "Model",
    "Profile",
    "Profiler",
    "Progress",
    "RecordedProcess",
    "Request",
    "Result",
    "Session",
    "Setup",
    "Severity",
    "Sink",
    "Size",
    "Summary",
    "artifact_of",
    "option",
    "serve_model",
    "serve_profiler",
]

__version__ = "0.1.0"
