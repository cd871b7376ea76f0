"""ModelService: one model in one process."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

import grpc

from . import trace
from ._calls import clean, context_of, describe, fail, handlers, refuse
from ._plugin_server import METHODS as PLUGIN_METHODS
from ._plugin_server import PluginServer
from ._proto import CAPABILITY_RECORDING, KIND_MODEL, message, service
from .context import Cancelled, Context
from .model import BadRequest, Image, Info, Model, Request, Result, Session, Setup, Size

METHODS = service("model.v1.ModelService")
_LoadResponse = message("model.v1.LoadResponse")
_Info = message("model.v1.Info")
_Size = message("model.v1.Size")
_Image = message("model.v1.Image")
_Response = message("model.v1.GenerateResponse")
_Progress = message("model.v1.Progress")
_Result = message("model.v1.Result")
_StartRecordingResponse = message("model.v1.StartRecordingResponse")
_StopRecordingResponse = message("model.v1.StopRecordingResponse")
_Losses = message("model.v1.Losses")
_StartFlightResponse = message("model.v1.StartFlightResponse")
_StopFlightResponse = message("model.v1.StopFlightResponse")
_SnapshotResponse = message("model.v1.SnapshotResponse")
_AwaitIdleResponse = message("model.v1.AwaitIdleResponse")

log = logging.getLogger("strobe")


class ModelServer:
    """Serves a model. All of the author's code but ``describe`` and ``probe`` runs on one thread, one call at a time."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.plugin = PluginServer(KIND_MODEL, model, [CAPABILITY_RECORDING], self.finish)
        self.recorder = trace.Recorder()
        self._worker = ThreadPoolExecutor(1, "strobe-model")
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._process: trace.Process | None = None
        self._notes: list[str] = []  # of the recording that is on: what it lacks
        self._loading = self._closed = False

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        """All methods by full name."""
        return {**handlers(PLUGIN_METHODS, self.plugin), **handlers(METHODS, self)}

    def Load(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Make the model ready."""
        values = self.plugin.ready(call)
        with self._lock:
            if self._closed or self._loading or self._session is not None:
                refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "the model is loaded or closed already")
            self._loading = True
        setup = Setup(request.model, request.stage, request.stage_name, request.rank, request.replicas, values, self.recorder)
        ctx = context_of(call)
        try:
            session, info = self._worker.submit(self._load, ctx, setup).result()
        except BaseException as e:
            fail(call, "load", e)
        finally:
            self._loading = False
        with self._lock:
            self._session = session
            self._process = trace.Process(2, self.plugin.description().name, setup.model, setup.stage, setup.stage_name, setup.rank, info.synthetic)
        return _LoadResponse(info=_to_info(info))

    def _load(self, ctx: Context, setup: Setup) -> tuple[Session, Info]:
        session = self.model.load(ctx, setup)
        if session is None:
            raise TypeError("load returned None, must be a session")
        ask = getattr(session, "info", None)
        return session, ask() if callable(ask) else Info()

    def Generate(self, request: Any, call: grpc.ServicerContext) -> Iterator[Any]:
        """Run the stage for one request: its progress, its images in order, its result."""
        session = self._session
        if session is None:
            refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "the model is not loaded")
        ctx = context_of(call)
        try:
            r = _request(request)
        except BadRequest as e:
            fail(call, "generate", e)
        messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            done = self._worker.submit(self._generate, session, ctx, r, messages)
        except RuntimeError:
            refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "the model is closed")
        done.add_done_callback(lambda f: messages.put(f))
        while not isinstance(m := messages.get(), Future):
            yield m
        try:
            result = m.result()
        except BaseException as e:
            if ctx.cancelled:  # whatever the author made of it
                e = Cancelled("the call was cancelled")
            fail(call, "generate", e)
        for image in result.images:
            yield _Response(image=_Image(width=image.width, height=image.height, pixels=image.pixels))
        yield _Response(result=_to_result(result))

    def AwaitIdle(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Answer when no Generate runs: the worker does one thing at a time."""
        try:
            self._worker.submit(int).result()
        except RuntimeError:
            pass  # the model is closed
        return _AwaitIdleResponse()

    def _generate(self, session: Session, ctx: Context, r: Request, messages: queue.SimpleQueue) -> Result:
        ctx.check()  # it may have waited long for its turn

        def progress(step: int, steps: int) -> None:
            messages.put(_Response(progress=_Progress(step=step, steps=steps)))
            ctx.check()

        result = session.generate(ctx, r, progress)
        if not isinstance(result, Result):
            raise TypeError(f"generate returned {type(result).__name__}, must be strobe_plugin.Result")
        for i in result.images:
            _check_image(i, ValueError)
        return result

    def StartRecording(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Write events into a new segment file from now on."""
        if self._process is None:
            refuse(call, grpc.StatusCode.FAILED_PRECONDITION, "the model is not loaded")
        try:
            self.recorder.start(request.path, self._process, request.max_bytes, request.categories)
        except trace.ErrRecording as e:
            refuse(call, grpc.StatusCode.ALREADY_EXISTS, str(e))
        except Exception as e:
            refuse(call, grpc.StatusCode.INTERNAL, f"start recording: {describe(e)}")
        self._notes = [f'control is "{request.control}", but the plugin does not use sdk/cuda, so no CUDA profiler is told'] if request.control else []
        return _StartRecordingResponse(notes=self._notes)

    def StopRecording(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Freeze the segment."""
        try:
            s = self.recorder.stop()
        except trace.ErrNotRecording as e:
            refuse(call, grpc.StatusCode.FAILED_PRECONDITION, str(e))
        except Exception as e:
            refuse(call, grpc.StatusCode.INTERNAL, f"stop recording: {describe(e)}")
        return _StopRecordingResponse(events=s.events, bytes=s.bytes, event_cost_ps=round(s.event_ns * 1000), lost=_Losses(**s.lost.__dict__), notes=self._notes)

    def StartFlight(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Remember what happened last from now on."""
        if self._process is None:
            refuse(call, grpc.StatusCode.INTERNAL, "the model is not loaded")
        with _flight_errors(call, "start flight recorder"):
            self.recorder.start_flight(request.dir, self._process, request.max_bytes, request.window_ns / 1e9)
        return _StartFlightResponse()

    def StopFlight(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Forget it."""
        with _flight_errors(call, "stop flight recorder"):
            self.recorder.stop_flight()
        return _StopFlightResponse()

    def Snapshot(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Keep what is remembered, and go on."""
        with _flight_errors(call, "snapshot"):
            names, s = self.recorder.snapshot(request.dir, request.label)
        return _SnapshotResponse(segments=names, events=s.events, bytes=s.bytes, event_cost_ps=round(s.event_ns * 1000), lost=_Losses(**s.lost.__dict__))

    def finish(self, seconds: float | None) -> None:
        """Close the session when the generation that runs has ended, then the recorder."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            session, self._session = self._session, None
        if session is not None:
            try:
                self._worker.submit(session.close).result(seconds)
            except FutureTimeout:
                return  # the model hangs, and the process's end is next
            except BaseException as e:
                log.warning("close model", extra={"error": describe(e)})
        self._worker.shutdown(wait=False, cancel_futures=True)
        try:
            self.recorder.close()
        except OSError as e:
            log.warning("close recorder", extra={"error": describe(e)})


@contextlib.contextmanager
def _flight_errors(call: grpc.ServicerContext, op: str) -> Iterator[None]:
    """The recorder's errors as the host tells them apart."""
    try:
        yield
    except trace.ErrRecording as e:
        refuse(call, grpc.StatusCode.ALREADY_EXISTS, str(e))
    except trace.ErrNoFlight as e:
        refuse(call, grpc.StatusCode.FAILED_PRECONDITION, str(e))
    except Exception as e:
        refuse(call, grpc.StatusCode.INTERNAL, f"{op}: {describe(e)}")


def _check_image(i: Any, error: Any) -> None:
    if i.width <= 0 or i.height <= 0 or len(i.pixels) != 3 * i.width * i.height:
        raise error(f"an image of {i.width}x{i.height} with {len(i.pixels)} bytes, must be {max(0, 3 * i.width * i.height)}")


def _request(m: Any) -> Request:
    for i in m.images:
        _check_image(i, lambda text: BadRequest("image", text))
    return Request(
        id=m.id, flow=m.flow, prompt=m.prompt, negative_prompt=m.negative_prompt,
        size=Size(m.size.width, m.size.height) if m.HasField("size") and (m.size.width or m.size.height) else None,
        steps=m.steps, guidance=m.guidance if m.HasField("guidance") else None,
        strength=m.strength if m.HasField("strength") else None, seed=m.seed, count=m.count,
        images=[Image(i.width, i.height, i.pixels) for i in m.images], extra=dict(m.extra),
    )


def _to_info(i: Info) -> Any:
    m = _Info(makes=i.makes, sizes=[_Size(width=s.width, height=s.height) for s in i.sizes], resizes=i.resizes,
              default_steps=i.default_steps, default_guidance=i.default_guidance, max_steps=i.max_steps, synthetic=i.synthetic,
              parameters=i.parameters, details={clean(k): clean(str(v)) for k, v in i.details.items()})
    if i.max is not None:
        m.max.width, m.max.height = i.max.width, i.max.height
    return m


def _to_result(r: Result) -> Any:
    return _Result(warnings=[clean(w) for w in r.warnings], durations_s={clean(k): float(v) for k, v in r.durations.items()},
                   peak_memory_bytes=r.peak_memory_bytes, steps=r.steps, images=len(r.images))
