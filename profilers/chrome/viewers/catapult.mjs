// Imports each file into the model of catapult's trace viewer (chrome://tracing) and prints what it made of it.
// usage: NODE_PATH=node_modules node catapult.mjs TRACE_VIEWER_FULL_HTML FILE...
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { createRequire } from 'node:module';

const require = createRequire(path.join(process.env.NODE_PATH, 'x.js'));
const { JSDOM, VirtualConsole } = require('jsdom');

// The viewer is one script of many modules. Those that draw need a browser of their time; the model and the importers do not.
function modules(html) {
  const page = fs.readFileSync(html, 'utf8');
  const start = page.indexOf('<script>');
  const script = page.slice(start + '<script>'.length, page.indexOf('</script>', start));
  return script.slice(script.indexOf("'use strict';const global=this.window")).split(/(?='use strict';tr\.exportTo\()/);
}

function viewer(html) {
  const { window } = new JSDOM('<!DOCTYPE html><body></body>', { runScripts: 'outside-only', url: 'http://localhost/', virtualConsole: new VirtualConsole() });
  Object.assign(window, { global: window, Polymer: () => {}, TextDecoder, TextEncoder });
  window.performance.mark = window.performance.measure = () => {};
  const failed = [];
  for (const source of modules(html)) {
    try { window.eval(source); } catch (e) { failed.push(e.message); }
  }
  return { window, failed };
}

const [html, ...files] = process.argv.slice(2);
const { window, failed } = viewer(html);
const { tr } = window;
console.error(failed.length, failed.slice(0, 12));
const all = [];
for (const file of files) {
  const bytes = fs.readFileSync(file);
  const text = (file.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString();
  const model = new tr.Model();
  const options = new tr.importer.ImportOptions();
  options.pruneEmptyContainers = false;
  options.showImportWarnings = false;
  new tr.importer.Import(model, options).importTraces([text]);
  all.push({
    file: path.basename(file),
    problems: [...model.importWarnings].map((w) => `${w.type}: ${w.message}`),
    processes: model.getAllProcesses().map((p) => ({ pid: p.pid, name: p.name, labels: p.labels, sort: p.sortIndex })),
    threads: model.getAllThreads().map((t) => ({ pid: t.parent.pid, tid: t.tid, name: t.name, slices: t.sliceGroup.length })),
    counters: model.getAllCounters().map((c) => c.name),
    flows: model.flowEvents.length,
  });
}
console.log(JSON.stringify(all, null, 1));
process.exit(all.some((f) => f.problems.length > 0) ? 1 : 0);
