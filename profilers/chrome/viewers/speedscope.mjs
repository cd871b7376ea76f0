// Opens each file in speedscope's own page, in a window without a screen, and prints what the page says.
// usage: NODE_PATH=node_modules node speedscope.mjs FILE...
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(path.join(process.env.NODE_PATH, 'x.js'));
const { JSDOM, VirtualConsole } = require('jsdom');
const release = path.join(path.dirname(require.resolve('speedscope/package.json')), 'dist', 'release');
const bundle = fs.readFileSync(path.join(release, fs.readdirSync(release).find((f) => /^speedscope-.*\.js$/.test(f))), 'utf8');

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// There is nothing to draw on: drawing fails, and only that may.
const drawing = /WebGL|getContext|canvas/i;

async function open(file) {
  const said = [], problems = [];
  const add = (...args) => {
    const text = args.map((a) => a?.detail?.stack ?? a?.stack ?? String(a)).join(' ');
    if (!drawing.test(text)) problems.push(text);
  };
  const terminal = new VirtualConsole();
  for (const level of ['log', 'info', 'debug']) terminal.on(level, (...a) => said.push(a.join(' ')));
  for (const level of ['warn', 'error', 'jsdomError']) terminal.on(level, add);
  const { window } = new JSDOM('<!DOCTYPE html><body></body>', {
    url: 'http://localhost/#localProfilePath=none', runScripts: 'outside-only', pretendToBeVisual: true, virtualConsole: terminal,
  });
  const never = () => ({ matches: false, addEventListener() {}, removeEventListener() {} });
  Object.assign(window, { matchMedia: never, TextDecoder, TextEncoder, alert: add });
  window.Element.prototype.scrollIntoView = () => {};
  window.eval(bundle);
  for (let i = 0; i < 100 && !window.speedscope; i++) await wait(20);
  window.speedscope.loadFileFromBase64(path.basename(file), fs.readFileSync(file).toString('base64'));
  const shown = () => window.document.title.startsWith(path.basename(file)) || /loading|went wrong/i.test(problems.join());
  for (let i = 0; i < 1000 && !shown(); i++) await wait(20);
  await wait(200);
  if (!shown()) problems.push('nothing was shown');
  const text = window.document.body.textContent;
  return { file: path.basename(file), said, problems, profiles: [...text.matchAll(/\(pid (\d+)\), ([^()]+) \(tid (\d+)\)/g)].map((m) => m[0]) };
}

process.on('unhandledRejection', (e) => { console.error(e); process.exit(1); });
const all = [];
for (const file of process.argv.slice(2)) all.push(await open(file));
console.log(JSON.stringify(all, null, 1));
process.exit(all.some((f) => f.problems.length > 0 || f.profiles.length === 0) ? 1 : 0);
