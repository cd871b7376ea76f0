"""Serving a plugin: handshake, mutual TLS, and an end that leaves nothing behind. The wire is hashicorp/go-plugin's."""

from __future__ import annotations

import base64
import datetime
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc

from . import _log
from ._calls import log
from .model import Model

if TYPE_CHECKING:
    from .profiler import Profiler

_COOKIE = ("STROBE_PLUGIN", "3f2b7d0c-strobe")
_CORE_PROTOCOL, _PROTOCOL = 1, 1
_MAX_MESSAGE = 64 << 20
_PARENT_WATCH = 1.0
_LAST_WAIT = 0.5
"""Seconds for what is still to be ended when the server has stopped."""
_HANG = 1.5
"""Seconds after which the process ends though a thread of it does not."""


def serve_model(model: Model) -> None:
    """Serve a model until the host ends the process, then return. Run by hand it says how the plugin is used and exits
    with status 1. Standard output belongs to the handshake: what is printed from now on goes to the host's log."""
    _by_host("model", model)
    from ._model_server import ModelServer

    _serve(ModelServer(model))


def serve_profiler(profiler: "Profiler") -> None:
    """Serve a profiler, as :func:`serve_model` does a model."""
    _by_host("profiler", profiler)
    from ._profiler_server import ProfilerServer

    _serve(ProfilerServer(profiler))


def _by_host(kind: str, author: Any) -> None:
    if os.environ.get(_COOKIE[0]) == _COOKIE[1]:
        return
    name = author.describe().name
    use = f'profiler "{name}" {{\n  }}' if kind == "profiler" else f'model "mine" {{\n    stage "{name}" {{\n    }}\n  }}'
    script = os.path.abspath(sys.argv[0])
    print(
        f'This is the Strobe {kind} plugin "{name}". Strobe starts it; by hand it does nothing.\n\n'
        f'To use it, put this into plugins.hcl:\n\n  plugin "{name}" {{\n    kind    = "{kind}"\n'
        f'    command = ["{sys.executable}", "{script}"]\n  }}\n  {use}\n\nand run: strobe serve',
        file=sys.stderr,
    )
    raise SystemExit(1)


class _Service(grpc.GenericRpcHandler):
    def __init__(self, methods: dict[str, grpc.RpcMethodHandler]) -> None:
        self._methods = methods

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._methods.get(details.method)


def _serve(server: Any) -> None:
    stdout = os.dup(1)
    os.dup2(2, 1)  # print() and what libraries write are lines of the log
    _log.set_up()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's
    stopped = threading.Event()
    threading.Thread(target=_watch_parent, args=(os.getppid(),), name="strobe-parent", daemon=True).start()
    folder = tempfile.mkdtemp(prefix="plugin-py", dir=os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or None)
    try:
        g, der = _start(server, os.path.join(folder, "s"), stopped)
        line = f"{_CORE_PROTOCOL}|{_PROTOCOL}|unix|{os.path.join(folder, 's')}|grpc|{base64.b64encode(der).decode().rstrip('=')}\n"
        os.write(stdout, line.encode())
        os.close(stdout)
        stopped.wait()
        threading.Thread(target=_end_anyway, name="strobe-end", daemon=True).start()
        server.finish(_LAST_WAIT)
        g.stop(0.2).wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(server: Any, socket: str, stopped: threading.Event) -> tuple[grpc.Server, bytes]:
    client = os.environ.get("PLUGIN_CLIENT_CERT", "")
    if not client:
        raise SystemExit("the host sent no certificate: PLUGIN_CLIENT_CERT is not set")
    key, cert, der = _certificate()
    credentials = grpc.ssl_server_credentials([(key, cert)], root_certificates=client.encode(), require_client_auth=True)
    g = grpc.server(futures.ThreadPoolExecutor(16, "strobe-call"), options=(
        ("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)))
    methods = server.handlers()
    # go-plugin's own two services. Their messages are empty, or one number: "serving".
    methods["/grpc.health.v1.Health/Check"] = grpc.unary_unary_rpc_method_handler(lambda request, call: b"\x08\x01")

    def shut_down(request: bytes, call: grpc.ServicerContext) -> bytes:
        stopped.set()
        return b""

    methods["/plugin.GRPCController/Shutdown"] = grpc.unary_unary_rpc_method_handler(shut_down)
    g.add_generic_rpc_handlers((_Service(methods),))
    g.add_secure_port("unix:" + socket, credentials)
    g.start()
    return g, der


def _certificate() -> tuple[bytes, bytes, bytes]:
    """A P-256 key and its certificate, which signs itself: the host trusts exactly this one."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime.datetime.now(datetime.timezone.utc)
    usage = dict(digital_signature=True, key_cert_sign=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                 key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - datetime.timedelta(hours=1))
        .not_valid_after(start + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.KeyUsage(**usage), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, cert.public_bytes(serialization.Encoding.PEM), cert.public_bytes(serialization.Encoding.DER)


def _watch_parent(parent: int) -> None:
    """End with the host, where no signal tells its death."""
    while os.getppid() == parent:
        time.sleep(_PARENT_WATCH)
    os._exit(3)


def _end_anyway() -> None:
    time.sleep(_LAST_WAIT + _HANG)
    log.warning("a thread of the plugin does not end; the process does")
    os._exit(0)
