"""OpenAI's Python client, unmodified, against a server whose address is the only argument. Exits 1 at the first surprise."""

import base64
import io
import struct
import sys
import zlib

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="EMPTY", max_retries=0)


def png(side):
    """A picture of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xc0\x20\x20" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def size_of(data):
    """Width and height of a PNG."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    return struct.unpack(">II", data[16:24])


def refused(status, code, param, call):
    """The call must be refused with this status, code and param."""
    try:
        call()
    except openai.APIStatusError as error:
        assert (error.status_code, error.code, error.param) == (status, code, param), (error.status_code, error.body)
        assert error.body["message"], error.body
        return
    raise AssertionError(f"nothing was refused, expected {status} {code}")


def models():
    found = list(client.models.list())
    assert len(found) == 1 and found[0].object == "model", found
    assert client.models.retrieve(found[0].id).id == found[0].id
    return found[0].id


def generation(model):
    reply = client.images.generate(
        model=model, prompt="noto red heart", n=2, size="64x64", response_format="b64_json",
        extra_body={"num_inference_steps": 2, "seed": 7, "guidance_scale": 1.5},
    )
    assert reply.created > 0 and reply.size == "64x64" and reply.output_format == "png", reply
    assert len(reply.data) == 2 and reply.data[0].url is None, reply
    pictures = [base64.b64decode(d.b64_json) for d in reply.data]
    assert [size_of(p) for p in pictures] == [(64, 64)] * 2
    assert reply._request_id, "no X-Request-Id"
    again = client.images.generate(
        model=model, prompt="noto red heart", n=2, size="64x64",
        extra_body={"num_inference_steps": 2, "seed": 7, "guidance_scale": 1.5},
    )
    assert [base64.b64decode(d.b64_json) for d in again.data] == pictures, "the same seed gave another picture"


def edit(model):
    reply = client.images.edit(
        model=model, image=("heart.png", png(32), "image/png"), prompt="noto red heart", size="64x64",
        extra_body={"num_inference_steps": 2, "seed": 7, "strength": 0.5},
    )
    assert size_of(base64.b64decode(reply.data[0].b64_json)) == (64, 64)
    reply = client.images.edit(
        model=model, image=[io.BytesIO(png(32))], prompt="noto red heart", extra_body={"num_inference_steps": 2},
    )
    assert len(reply.data) == 1


def chat(model):
    url = "data:image/png;base64," + base64.b64encode(png(32)).decode()
    content = [{"type": "text", "text": "noto red heart"}, {"type": "image_url", "image_url": {"url": url}}]
    for messages in ([{"role": "user", "content": content}], [{"role": "user", "content": "noto red heart"}]):
        reply = client.chat.completions.create(
            model=model, messages=messages, extra_body={"size": "64x64", "num_inference_steps": 2, "return_stage_metrics": True},
        )
        assert reply.object == "chat.completion" and reply.choices[0].finish_reason == "stop", reply
        part = reply.choices[0].message.content[0]
        head, data = part["image_url"]["url"].split(",", 1)
        assert head == "data:image/png;base64" and size_of(base64.b64decode(data)) == (64, 64), head
        assert part["stage_durations"] and reply.usage.completion_tokens == 1, reply.usage
    chunks = list(client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "noto red heart"}], stream=True, stream_options={"include_usage": True},
        extra_body={"num_inference_steps": 2},
    ))
    assert chunks[0].choices[0].delta.content[0]["type"] == "image_url", chunks[0]
    assert chunks[-1].usage.total_tokens > 0, chunks[-1]


def errors(model):
    generate = client.images.generate
    refused(400, "model_not_found", "model", lambda: generate(model="flux", prompt="cat"))
    refused(400, "invalid_value", "n", lambda: generate(model=model, prompt="cat", n=11))
    refused(400, "invalid_value", "size", lambda: generate(model=model, prompt="cat", size="0x0"))
    refused(400, "invalid_value", "num_inference_steps", lambda: generate(model=model, prompt="cat", extra_body={"num_inference_steps": 201}))
    refused(400, "unsupported_parameter", "response_format", lambda: generate(model=model, prompt="cat", response_format="url"))
    refused(400, "invalid_image", "image", lambda: client.images.edit(model=model, image=("a.png", b"no image"), prompt="cat"))
    remote = [{"type": "text", "text": "cat"}, {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/a.png"}}]
    refused(400, "unsupported_parameter", "messages[0].content[1].image_url.url",
            lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": remote}]))
    refused(404, "not_found", None, lambda: client.post("/nothing", body={}, cast_to=object))


served = models()
for check in (generation, edit, chat, errors):
    check(served)
    print(f"{check.__name__} ok")
