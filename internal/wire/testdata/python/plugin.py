"""A profiler plugin in Python: grpcio's mutual TLS against ours. Messages are written by hand, they are tiny."""

import base64
import datetime
import os
import sys
import tempfile
import threading
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = dict(
        digital_signature=True, key_cert_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )
    cert = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.KeyUsage(**usage), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, cert.public_bytes(serialization.Encoding.PEM), cert.public_bytes(serialization.Encoding.DER)


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


stopped = threading.Event()

# DescribeResponse: kind profiler, name, version, summary, api_versions [1].
DESCRIBED = b"\x08\x02" + field(2, b"python") + field(3, grpc.__version__.encode()) + field(4, b"grpcio") + field(5, b"\x01")


def shutdown(request, context):
    stopped.set()
    return b""


METHODS = {
    "/grpc.health.v1.Health/Check": lambda r, c: b"\x08\x01",
    "/strobe.plugin.v1.PluginService/Describe": lambda r, c: DESCRIBED,
    "/strobe.plugin.v1.PluginService/Configure": lambda r, c: b"",
    "/strobe.profiler.v1.ProfilerService/Abort": lambda r, c: b"",
    "/strobe.plugin.v1.PluginService/Close": lambda r, c: b"",
    "/plugin.GRPCController/Shutdown": shutdown,
}


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        method = METHODS.get(details.method)
        return grpc.unary_unary_rpc_method_handler(method) if method else None


def main():
    key, cert, der = certificate()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Handler(),))
    credentials = grpc.ssl_server_credentials(
        [(key, cert)], root_certificates=os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True)
    folder = tempfile.mkdtemp(dir=os.environ.get("PLUGIN_UNIX_SOCKET_DIR"))
    socket = os.path.join(folder, "s")
    server.add_secure_port("unix:" + socket, credentials)
    server.start()
    print("1|1|unix|%s|grpc|%s" % (socket, base64.b64encode(der).decode().rstrip("=")), flush=True)
    print('{"@level":"info","@message":"python is up","version":"%s"}' % grpc.__version__, file=sys.stderr, flush=True)
    stopped.wait()
    server.stop(1).wait()


main()
