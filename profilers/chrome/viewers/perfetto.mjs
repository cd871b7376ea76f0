// Loads each file into Perfetto's trace processor and prints what it made of it.
// usage: node perfetto.mjs ASSETS FILE...
// ASSETS holds engine.mjs, engine_bundle.node.js and trace_processor.wasm.
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { pathToFileURL } from 'node:url';

const chunk = 16 << 20;

// The engine is made for a browser's worker; it reads its module over HTTP unless it is given.
function loadBridge(assets) {
  globalThis.self = globalThis;
  globalThis.WorkerGlobalScope = function () {};
  globalThis.location = { href: pathToFileURL(assets).href + '/' };
  globalThis.strobeWasm = new Uint8Array(fs.readFileSync(path.join(assets, 'trace_processor.wasm')));
  let source = fs.readFileSync(path.join(assets, 'engine_bundle.node.js'), 'utf8');
  for (const [from, to] of [
    ['this.useMemory64 = hasMemory64Support();', 'this.useMemory64 = false;'],
    ['locateFile: (s) => s,', 'locateFile: (s) => s, wasmBinary: globalThis.strobeWasm,'],
    ['onRuntimeInitialized: () => deferredRuntimeInitialized.resolve(),', 'onRuntimeInitialized: () => { deferredRuntimeInitialized.resolve(); setTimeout(globalThis.strobeReady); },'],
    ['const wasmBridge = new wasm_bridge_1.WasmBridge();', 'const wasmBridge = globalThis.strobeBridge = new wasm_bridge_1.WasmBridge();'],
  ]) {
    if (!source.includes(from)) throw new Error(`the engine changed: ${from}`);
    source = source.replace(from, to);
  }
  const ready = new Promise((resolve) => { globalThis.strobeReady = resolve; });
  vm.runInThisContext(source, { filename: 'engine_bundle.node.js' });
  return ready.then(() => globalThis.strobeBridge);
}

async function load(assets, file) {
  const bridge = await loadBridge(assets);
  const { EngineBase } = await import(pathToFileURL(path.join(assets, 'engine.mjs')).href);
  const { port1, port2 } = new MessageChannel();
  bridge.initialize(port1);
  class Engine extends EngineBase {
    mode = 'WASM';
    id = file;
    constructor() {
      super();
      port2.onmessage = (m) => this.onRpcResponseBytes(m.data);
    }
    rpcSendRequestBytes(bytes) { port2.postMessage(bytes); }
    [Symbol.dispose]() { port2.close(); }
  }
  const engine = new Engine();
  const bytes = fs.readFileSync(file);
  for (let at = 0; at < bytes.length; at += chunk) await engine.parse(bytes.subarray(at, at + chunk));
  await engine.notifyEof();
  const rows = async (sql) => {
    const result = await engine.query(sql);
    if (result.error()) throw new Error(result.error());
    const columns = result.columns(), list = [];
    for (const it = result.iter({}); it.valid(); it.next()) {
      list.push(Object.fromEntries(columns.map((c) => [c, typeof it.get(c) === 'bigint' ? Number(it.get(c)) : it.get(c)])));
    }
    return list;
  };
  const one = async (sql) => Object.values((await rows(sql))[0])[0];
  const out = {
    file: path.basename(file),
    problems: await rows(`select name, severity, value from stats where value > 0 and severity in ('error', 'data_loss')`),
    slices: await one('select count(*) from slice'),
    flows: await one('select count(*) from flow'),
    counters: await one('select count(*) from counter'),
    instants: await one('select count(*) from slice where dur = 0'),
    unfinished: await one('select count(*) from slice where dur < 0'),
    steps: await one(`select count(*) from slice where name glob 'ProfilerStep#*'`),
    depth: await one('select max(depth) from slice'),
    processes: await rows(`select pid, name from process where name is not null order by pid`),
    threads: await rows(`select tid, thread.name, process.pid from thread join process using(upid) where thread.name is not null order by 3, 1`),
    tracks: await rows(`select distinct name from counter_track order by 1`),
    arrows: await rows(`select o.name as from_slice, i.name as to_slice, count(*) as n from flow join slice o on o.id = slice_out join slice i on i.id = slice_in group by 1, 2`),
  };
  port2.close();
  port1.close();
  return out;
}

const [assets, ...files] = process.argv.slice(2);
const warn = console.warn;
console.warn = (...args) => { if (!/Unexpected QueryResult field/.test(String(args[0]))) warn(...args); };
const all = [];
for (const file of files) all.push(await load(assets, file));
console.log(JSON.stringify(all, null, 1));
process.exit(all.some((f) => f.problems.length > 0) ? 1 : 0);
