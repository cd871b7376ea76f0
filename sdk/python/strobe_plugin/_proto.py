"""The messages and services of sdk/proto. strobe.binpb is their compiled description, made by `buf build`: with it any
version of the protobuf package does, where generated code demands the one that it was generated for."""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

_pool = descriptor_pool.DescriptorPool()
for _file in descriptor_pb2.FileDescriptorSet.FromString(resources.files(__package__).joinpath("strobe.binpb").read_bytes()).file:
    _pool.Add(_file) if hasattr(_pool, "Add") else _pool.AddSerializedFile(_file.SerializeToString())

Any_ = any_pb2.Any


def message(name: str) -> Any:
    """The class of a message: ``plugin.v1.Value``."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName("strobe." + name))


def service(name: str) -> dict[str, tuple[str, Any, Any, bool]]:
    """The methods of a service, ``model.v1.ModelService``: full name, class of request, class of response, streamed."""
    d = _pool.FindServiceByName("strobe." + name)
    return {
        m.name: (
            f"/{d.full_name}/{m.name}",
            message_factory.GetMessageClass(m.input_type),
            message_factory.GetMessageClass(m.output_type),
            bool(m.server_streaming),
        )
        for m in d.methods
    }


KIND_MODEL, KIND_PROFILER = 1, 2
CAPABILITY_RECORDING, CAPABILITY_SOURCE, CAPABILITY_PROBE = 1, 2, 3
