// OpenAI's Node client, unmodified, against a server whose address is the only argument. Exits 1 at the first surprise.
import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";

import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.argv[2] + "/v1", apiKey: "EMPTY", maxRetries: 0 });

// crc32 of a PNG's chunk; node:zlib has it only from version 22 on.
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// png is a picture of one colour.
function png(side) {
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8;
  header[9] = 2;
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(3 * side, 0x80)]);
  const rows = deflateSync(Buffer.concat(Array(side).fill(row)));
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

// sizeOf is width and height of a PNG in base64.
function sizeOf(base64) {
  const data = Buffer.from(base64, "base64");
  assert.equal(data.toString("latin1", 1, 4), "PNG");
  return [data.readUInt32BE(16), data.readUInt32BE(20)];
}

async function refused(status, code, param, promise) {
  await assert.rejects(promise, (error) => {
    assert.deepEqual([error.status, error.code, error.param], [status, code, param], JSON.stringify(error.error));
    assert.ok(error.error.message);
    return true;
  });
}

async function generation(model) {
  const ask = { model, prompt: "noto red heart", n: 2, size: "64x64", num_inference_steps: 2, seed: 7 };
  const reply = await client.images.generate({ ...ask, response_format: "b64_json" });
  assert.ok(reply.created > 0 && reply._request_id);
  assert.deepEqual([reply.size, reply.output_format, reply.data.length], ["64x64", "png", 2]);
  assert.deepEqual(sizeOf(reply.data[0].b64_json), [64, 64]);
  const again = await client.images.generate(ask);
  assert.deepEqual(again.data, reply.data, "the same seed gave another picture");
}

async function edit(model) {
  const image = await toFile(png(32), "heart.png", { type: "image/png" });
  const reply = await client.images.edit({ model, image, prompt: "noto red heart", size: "64x64", num_inference_steps: 2, strength: 0.5 });
  assert.deepEqual(sizeOf(reply.data[0].b64_json), [64, 64]);
}

async function chat(model) {
  const url = "data:image/png;base64," + png(32).toString("base64");
  const withImage = [{ type: "text", text: "noto red heart" }, { type: "image_url", image_url: { url } }];
  for (const content of [withImage, "noto red heart"]) {
    const reply = await client.chat.completions.create({ model, messages: [{ role: "user", content }], size: "64x64", num_inference_steps: 2 });
    const part = reply.choices[0].message.content[0];
    assert.deepEqual(sizeOf(part.image_url.url.split(",")[1]), [64, 64]);
    assert.equal(reply.usage.completion_tokens, 1);
  }
  const stream = await client.chat.completions.create({
    model, messages: [{ role: "user", content: "noto red heart" }], stream: true, num_inference_steps: 2,
  });
  let chunks = 0;
  for await (const chunk of stream) {
    assert.equal(chunk.choices[0].delta.content[0].type, "image_url");
    chunks++;
  }
  assert.equal(chunks, 1);
}

async function errors(model) {
  const generate = (body) => client.images.generate({ model, prompt: "cat", ...body });
  await refused(400, "model_not_found", "model", generate({ model: "flux" }));
  await refused(400, "invalid_value", "n", generate({ n: 0 }));
  await refused(400, "invalid_value", "size", generate({ size: "99999x1" }));
  await refused(400, "invalid_value", "num_inference_steps", generate({ num_inference_steps: 0 }));
  const image = await toFile(Buffer.from("no image"), "a.png", { type: "image/png" });
  await refused(400, "invalid_image", "image", client.images.edit({ model, image, prompt: "cat" }));
  await refused(404, "not_found", null, client.get("/nothing"));
}

const list = await client.models.list();
assert.equal(list.data.length, 1);
const model = list.data[0].id;
for (const check of [generation, edit, chat, errors]) {
  await check(model);
  console.log(`${check.name} ok`);
}
