// Serves a TinyKV store on standard input and output, as docs/engines.md says. It uses nothing of the harness: what another
// engine's driver has to do, it does in full.

import { readSync, writeSync } from "node:fs";
import { open, WriteBatch, type Database, type Options, type Snapshot } from "tinykv";

type Fields = Readonly<Record<string, unknown>>;

let db: Database | undefined;
const snapshots = new Map<string, Snapshot>();

function execute(request: Fields): object {
  if (request.op === "open") {
    db = open(String(request.dir), request.options as Options);
    return {
      protocol: 1,
      capabilities: ["batch", "scan", "reverse", "snapshot", "sync", "flush", "compact"],
      durability: { sync: "power", noSync: "kill" },
    };
  }
  if (!db) throw new Error("no store is open");
  const write = { sync: request.sync === true };
  switch (request.op) {
    case "put":
      db.put(bytes(request.key), bytes(request.value), write);
      return {};
    case "delete":
      db.delete(bytes(request.key), write);
      return {};
    case "batch":
      db.write(batchOf(request.ops as readonly string[][]), write);
      return {};
    case "get":
      return { value: db.get(bytes(request.key), at(request))?.toString("hex") ?? NOTHING };
    case "has":
      return { value: db.has(bytes(request.key)) };
    case "scan":
      return { entries: scan(db, request) };
    default:
      return maintain(db, request);
  }
}

function maintain(store: Database, request: Fields): object {
  const name = String(request.name);
  switch (request.op) {
    case "snapshot":
      snapshots.set(name, store.snapshot());
      return {};
    case "release":
      snapshots.get(name)!.close();
      snapshots.delete(name);
      return {};
    case "sync":
      store.sync();
      return {};
    case "flush":
      store.flush();
      return {};
    case "compact":
      store.compactRange();
      return {};
    case "close":
      store.close();
      db = undefined;
      return {};
    default:
      throw Object.assign(new Error(`no operation ${JSON.stringify(request.op)}`), { code: "UNSUPPORTED" });
  }
}

/** The answer to "get" of a key that is not there. */
const NOTHING: unknown = JSON.parse("null");

function bytes(hex: unknown): Buffer {
  return Buffer.from(String(hex), "hex");
}

function at({ snapshot }: Fields): { snapshot?: Snapshot } {
  return snapshot === undefined ? {} : { snapshot: snapshots.get(String(snapshot))! };
}

function batchOf(ops: readonly string[][]): WriteBatch {
  const batch = new WriteBatch();
  for (const [kind, key, value] of ops) {
    if (kind === "put") batch.put(bytes(key), bytes(value));
    else batch.delete(bytes(key));
  }
  return batch;
}

function scan(store: Database, request: Fields): [string, string][] {
  const range: Record<string, unknown> = { ...at(request), reverse: request.reverse === true };
  for (const name of ["gte", "gt", "lt", "lte"]) if (request[name] !== undefined) range[name] = bytes(request[name]);
  if (typeof request.limit === "number") range.limit = request.limit;
  return [...store.iterate(range)].map(([key, value]) => [key.toString("hex"), value.toString("hex")]);
}

function answer(line: string): string {
  const request = JSON.parse(line) as Fields;
  const { id } = request;
  try {
    return JSON.stringify({ id, ok: true, ...execute(request) });
  } catch (error) {
    const { code = "ERROR", message } = error as Error & { code?: string };
    return JSON.stringify({ id, ok: false, code, message });
  }
}

// A pipe that somebody made non-blocking says EAGAIN when there is nothing in it, or no room, now.
function whenReady(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const input = Buffer.alloc(1 << 16);
let rest = Buffer.alloc(0);
for (let count: number; (count = whenReady(() => readSync(0, input))) > 0;) {
  rest = Buffer.concat([rest, input.subarray(0, count)]);
  for (let end: number; (end = rest.indexOf("\n")) >= 0; rest = rest.subarray(end + 1)) {
    const line = Buffer.from(`${answer(rest.toString("utf8", 0, end))}\n`);
    for (let done = 0; done < line.length;) done += whenReady(() => writeSync(1, line, done));
  }
}
