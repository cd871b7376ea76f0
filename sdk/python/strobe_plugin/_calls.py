"""What the calls of all services share: contexts, errors, and an exception of the author's as an error of the call."""

from __future__ import annotations

import logging
import traceback
from typing import Any, NoReturn

import grpc

from ._proto import Any_, message
from .context import Cancelled, Context
from .model import BadRequest

log = logging.getLogger("strobe")

_RequestError = message("model.v1.RequestError")


def context_of(call: grpc.ServicerContext) -> Context:
    """A context that ends with the call."""
    left = call.time_remaining()
    ctx = Context(None if left is None or left > 1e9 else left)
    if not call.add_callback(ctx.cancel):
        ctx.cancel()
    return ctx


def refuse(call: grpc.ServicerContext, code: grpc.StatusCode, text: str) -> NoReturn:
    """End the call with an error."""
    call.abort(code, clean(text))
    raise AssertionError("abort raises")


def clean(text: str) -> str:
    """Text that a message can carry: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def fail(call: grpc.ServicerContext, op: str, error: BaseException) -> NoReturn:
    """End the call with an error of the author's code, which is logged with its stack unless it says itself what it is."""
    if isinstance(error, Cancelled):
        left = call.time_remaining()
        late = left is not None and left <= 0
        refuse(call, grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED, str(error))
    if isinstance(error, BadRequest):
        call.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
        refuse(call, grpc.StatusCode.INVALID_ARGUMENT, str(error))
    if isinstance(error, SystemExit):
        error = RuntimeError(f"the plugin called sys.exit({error.code!r})")
    log.error("exception in a plugin", extra={"op": op, "error": describe(error), "stack": "".join(traceback.format_exception(error))})
    refuse(call, grpc.StatusCode.UNKNOWN, describe(error))


def describe(error: BaseException) -> str:
    """An exception in one line."""
    return "".join(traceback.format_exception_only(error)).strip()


def _details(error: BadRequest) -> bytes:
    """google.rpc.Status by hand: its three fields are not worth a dependency."""
    detail = Any_()
    detail.Pack(_RequestError(field=clean(error.field), message=clean(error.message)))
    out = b"\x08" + _varint(grpc.StatusCode.INVALID_ARGUMENT.value[0])
    for number, b in ((2, clean(str(error)).encode()), (3, detail.SerializeToString())):
        out += bytes([number << 3 | 2]) + _varint(len(b)) + b
    return out


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def handlers(methods: dict[str, tuple[str, Any, Any, bool]], servicer: Any) -> dict[str, grpc.RpcMethodHandler]:
    """The methods that a servicer has, by full name; of others gRPC says that they are not implemented."""
    out = {}
    for name, (full, request, response, streamed) in methods.items():
        behaviour = getattr(servicer, name, None)
        if behaviour is None:
            continue
        make = grpc.unary_stream_rpc_method_handler if streamed else grpc.unary_unary_rpc_method_handler
        out[full] = make(behaviour, request.FromString, response.SerializeToString)
    return out
