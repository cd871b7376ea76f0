"""ProfilerService: one profiler in one process, one profile at a time."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import grpc

from . import trace
from ._calls import clean, context_of, describe, fail, handlers, log, refuse
from ._pace import Pace
from ._plugin_server import METHODS as PLUGIN_METHODS
from ._plugin_server import PluginServer
from ._proto import CAPABILITY_SOURCE, KIND_PROFILER, message, service
from .context import Cancelled, Context
from .profiler import Artifact, Profile, Profiler, RecordedProcess, Sink, Summary, sha256_of
from .recording import Batch, Filter, Follower, ProcessSummary

METHODS = service("profiler.v1.ProfilerService")
_OpenResponse = message("profiler.v1.OpenResponse")
_StopSourceResponse = message("profiler.v1.StopSourceResponse")
_FinishResponse = message("profiler.v1.FinishResponse")
_AbortResponse = message("profiler.v1.AbortResponse")
_Artifact = message("profiler.v1.Artifact")
_ProcessSummary = message("profiler.v1.ProcessSummary")
_Losses = message("profiler.v1.Losses")

_BUSY, _IDLE = 0.05, 0.25
"""Seconds between looks at a growing recording: while events come, and while nothing does."""
_ABORT_WAIT, _SOURCE_WAIT = 5.0, 2.0


class ProfilerServer:
    """Serves a profiler. ``open`` and all of a sink run on one thread."""

    def __init__(self, profiler: Profiler) -> None:
        self.profiler = profiler
        measures = callable(getattr(profiler, "record", None))
        self.plugin = PluginServer(KIND_PROFILER, profiler, [CAPABILITY_SOURCE] if measures else [], self.finish)
        self._lock = threading.Lock()
        self._open: _Export | None = None
        self._source: _Source | None = None
        self._closed = False

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        """All methods by full name."""
        return {**handlers(PLUGIN_METHODS, self.plugin), **handlers(METHODS, self)}

    def Open(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Start one profile's output."""
        values = self.plugin.ready(call)
        with self._lock:
            if self._closed:
                refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "the profiler is closed")
            if self._open is not None and not self._open.over:
                refuse(call, grpc.StatusCode.FAILED_PRECONDITION, f"profile {self._open.profile.id} is still open")
            profile = _profile(request, values)
            source = None
            try:
                if request.HasField("source") and callable(getattr(self.profiler, "record", None)):
                    source = _Source(request.source, request.model)
                self._open = _Export(self.profiler, profile, request.recording_dir, request.since_unix_ns, source, context_of(call))
            except BaseException as e:
                if source is not None:
                    source.recorder.close()
                fail(call, "open", e)
            if source is not None:
                source.run(self.profiler, values, self._source)
                self._source = source
        return _OpenResponse()

    def StopSource(self, request: Any, call: grpc.ServicerContext) -> Any:
        """End the measuring."""
        e = self._open
        if e is None or e.source is None:
            refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "nothing is being measured")
        return e.source.stop()

    def Finish(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Read the rest and complete the artifacts."""
        e = self._open
        if e is None or e.over:
            refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "no profile is open")
        ctx = context_of(call)
        try:
            reply = e.finish(ctx, _time(request.stopped_unix_ns), list(request.segments))
        except BaseException as error:
            fail(call, "finish", error)
        self._release(e)
        return reply

    def Abort(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Abandon the open profile."""
        e = self._open
        if e is not None:
            if not e.abort(context_of(call).remaining()):
                refuse(call, grpc.StatusCode.DEADLINE_EXCEEDED, "the profiler does not return from a call")
            self._release(e)
        return _AbortResponse()

    def _release(self, e: "_Export") -> None:
        with self._lock:
            if self._open is e:
                self._open = None

    def finish(self, seconds: float | None) -> None:
        """Abandon what is open."""
        with self._lock:
            self._closed = True
            e, self._open = self._open, None
        if e is not None and not e.abort(_ABORT_WAIT if seconds is None else min(seconds, _ABORT_WAIT)):
            log.warning("abort profile", extra={"profile": e.profile.id, "error": "the profiler does not return from a call"})


class _Export:
    """One open profile: a thread that follows the recording and is the only one to call the sink."""

    def __init__(self, profiler: Profiler, profile: Profile, folder: str, since: int, source: "_Source | None", ctx: Context) -> None:
        self.profile, self.source, self._folder, self._since = profile, source, folder, since
        self._ctx = Context()
        self._wake, self._over = threading.Event(), threading.Event()
        self._asked: tuple[datetime, list[str]] | None = None
        self._reply: Any = None
        self._failed: BaseException | None = None
        self._pace = Pace() if os.environ.get("STROBE_BACKGROUND") else None
        self._thread = ThreadPoolExecutor(1, "strobe-export")
        try:
            self._sink: Sink = self._thread.submit(self._make, profiler, ctx).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self._thread.submit(self._run)
        self._thread.shutdown(wait=False)  # when that is done

    @property
    def over(self) -> bool:
        """Finished, or abandoned."""
        return self._over.is_set()

    def _make(self, profiler: Profiler, ctx: Context) -> Sink:
        sink = profiler.open(ctx, self.profile)
        if sink is None:
            raise TypeError("open returned None, must be a sink")
        return sink

    def _run(self) -> None:
        try:
            with Follower(self._folder, self._since, self.profile.filter) as f:
                while not self._ctx.cancelled and self._asked is None:
                    self._wake.wait(self._poll(f))
                if not self._ctx.cancelled:
                    self._reply = self._complete(f, *self._asked)  # type: ignore[misc]
            if self._reply is None:
                self._abandon()
        except BaseException as e:
            log.exception("export", extra={"profile": self.profile.id})
            self._reply = _FinishResponse(error=clean(describe(e)))
        finally:
            self._over.set()

    def _poll(self, f: Follower) -> float:
        """Read what is there; seconds to wait. A reader's error is not final: a file may be half made."""
        try:
            return _BUSY if f.poll(self._deliver) else _IDLE
        except Cancelled:
            return 0
        except OSError as e:
            log.warning("follow recording", extra={"profile": self.profile.id, "error": describe(e)})
            return _IDLE

    def _deliver(self, batch: Batch) -> None:
        """Give a batch to the sink. After its first error the rest is only counted."""
        self._ctx.check()
        if self._failed is None:
            self._failed = self._guard("consume", lambda: self._sink.consume(self._ctx, batch))
        if self._pace is not None and self._asked is None:
            self._pace.wait(self._wake)

    def _guard(self, op: str, f: Callable[[], Any]) -> BaseException | None:
        """Run the author's code."""
        try:
            f()
        except BaseException as e:
            if isinstance(e, Cancelled) and self._ctx.cancelled:
                raise
            log.exception("exception in a profiler", extra={"op": op, "profile": self.profile.id})
            return RuntimeError(f"{op}: {describe(e)}")
        return None

    def _complete(self, f: Follower, stopped: datetime, segments: list[str]) -> Any:
        """Read the rest and let the sink finish in any case: it may have files to close."""
        if self.source is not None:
            self.source.stop()
        problems: list[Any] = []
        rows: list[ProcessSummary] = []
        try:
            rows = f.finish(self._deliver, segments)
        except Cancelled:
            return None
        except Exception as e:
            problems.append(f"read recording: {describe(e)}")
        made: list[Artifact] = []
        problems.append(self._failed)
        problems.append(self._guard("finish", lambda: made.extend(self._sink.finish(self._ctx, Summary(stopped, rows)) or ())))
        reply = _FinishResponse(processes=[_to_row(r) for r in rows])
        for a in made:
            try:
                reply.artifacts.append(_to_artifact(self.profile.dir, a))
            except (OSError, ValueError) as e:
                problems.append(describe(e))
        ask = getattr(self._sink, "warnings", None)
        if callable(ask):
            self._guard("warnings", lambda: reply.warnings.extend(clean(w) for w in ask() or ()))
        reply.error = clean("; ".join(str(p) for p in problems if p))
        return reply

    def _abandon(self) -> None:
        if self.source is not None:
            self.source.stop()
        abort = getattr(self._sink, "abort", None)
        if callable(abort):
            try:
                abort()
            except Exception as e:
                log.warning("abort profile", extra={"profile": self.profile.id, "error": describe(e)})

    def finish(self, ctx: Context, stopped: datetime, segments: list[str]) -> Any:
        """Ask the thread to complete, and wait as long as the caller does: a sink that hangs costs its deadline, never more."""
        if self._asked is not None:
            raise RuntimeError("the profile is being finished already")
        self._asked = (stopped, segments)
        self._wake.set()
        while not self._over.wait(0.02):
            if ctx.cancelled:
                self._ctx.cancel()
                raise Cancelled("the call was cancelled")
        if self._reply is None:
            raise RuntimeError("the profile was abandoned")
        return self._reply

    def abort(self, seconds: float | None) -> bool:
        """End the thread and wait for it."""
        self._ctx.cancel()
        self._wake.set()
        return self._over.wait(_ABORT_WAIT if seconds is None else seconds)


class _Source:
    """One profile's measuring: a recorder, and the author's ``record`` on a thread."""

    def __init__(self, at: Any, model: str) -> None:
        self.recorder = trace.Recorder()
        self.recorder.start(at.path, trace.Process(3, at.name, model), at.max_bytes)
        self.ctx = Context()
        self.returned = threading.Event()
        self._problem = ""
        self._lock = threading.Lock()
        self._reply: Any = None

    def run(self, profiler: Any, values: Any, earlier: "_Source | None") -> None:
        """Have the author measure, unless that still goes on for an earlier profile."""
        if earlier is not None and not earlier.returned.is_set():
            self._problem = "the record of an earlier profile has not returned"
            self.returned.set()
            return
        threading.Thread(target=self._record, args=(profiler, values), name="strobe-source", daemon=True).start()

    def _record(self, profiler: Any, values: Any) -> None:
        try:
            profiler.record(self.ctx, values, self.recorder)
        except Cancelled:
            pass
        except BaseException as e:
            log.exception("exception in a profiler", extra={"op": "record"})
            self._problem = f"record: {describe(e)}"
        finally:
            self.returned.set()

    def stop(self) -> Any:
        """End the measuring and say what was recorded. What a ``record`` that does not return records from now on goes nowhere."""
        with self._lock:
            if self._reply is None:
                self.ctx.cancel()
                if not self.returned.wait(_SOURCE_WAIT):
                    self._problem = f"record: it did not return within {_SOURCE_WAIT:g}s of its context's end"
                self._reply = self._stop()
        return self._reply

    def _stop(self) -> Any:
        try:
            s = self.recorder.stop()
            self.recorder.close()
        except Exception as e:
            return _StopSourceResponse(error=clean(describe(e)))
        return _StopSourceResponse(events=s.events, bytes=s.bytes, lost=_Losses(**s.lost.__dict__), event_cost_ps=round(s.event_ns * 1000),
                                   error=clean(self._problem))


class _Log(logging.LoggerAdapter):
    """Adds its pairs to those of the call."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}


def _time(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, timezone.utc)


def _profile(r: Any, values: Any) -> Profile:
    f = r.filter
    return Profile(
        id=r.id, dir=r.dir, model=r.model, label=r.label, started=_time(r.started_unix_ns), max_bytes=r.max_bytes, host=r.host,
        processes=[RecordedProcess(p.kind, p.name, p.stage, p.stage_name, p.rank, p.pid) for p in r.processes],
        filter=Filter(tuple(f.requests), f.categories, f.min_duration_ns, tuple(f.stages), tuple(f.ranks)),
        previous=r.previous_dir, config=values, log=_Log(logging.getLogger("profiler"), {"profile": r.id}),
    )


def _to_artifact(folder: str, a: Artifact) -> Any:
    path = os.path.join(folder, *a.name.split("/"))
    if not a.name or os.path.isabs(a.name) or ".." in a.name.split("/"):
        raise ValueError(f"artifact {a.name!r} is not within the profile's folder")
    m = _Artifact(name=clean(a.name), media_type=clean(a.media_type), bytes=a.bytes if a.bytes >= 0 else os.path.getsize(path),
                  sha256=a.sha256 or sha256_of(path), stage_name=clean(a.stage_name), events=a.events, dropped=a.dropped)
    if a.stage is not None:
        m.stage = a.stage
    if a.rank is not None:
        m.rank = a.rank
    return m


def _to_row(s: ProcessSummary) -> Any:
    p = s.process
    return _ProcessSummary(
        kind=p.kind, name=p.name, model=p.model, stage=p.stage, stage_name=p.stage_name, rank=p.rank, synthetic=p.synthetic, pid=p.pid,
        host=p.host, boot_id=p.boot_id, segments=[clean(n) for n in p.segments], events=s.events, bytes=s.bytes, open=s.open,
        lost=_Losses(**s.lost.__dict__, corrupt=s.corrupt, unknown=s.unknown), error=clean(s.error),
        event_cost_ps=min(round(p.event_ns * 1000), (1 << 32) - 1), cores=min(p.cores, (1 << 31) - 1), recorded_ns=s.recorded_ns, filtered=s.filtered)
