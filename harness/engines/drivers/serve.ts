// The driver's side of the protocol (docs/engines.md) for engines of Node: a loop that reads a request, does it, answers.
// It waits for each operation before it reads the next, so answers are in the order of the requests.

import { UNSUPPORTED } from "../../unsupported.ts";
import { readSync, writeSync } from "node:fs";
import { DriverError, fromHex, NO_VALUE, PROTOCOL_VERSION, ProtocolError } from "../stdio/protocol.ts";
import type { StdioCapability } from "../stdio/protocol.ts";
import type { Durability } from "../../oracle.ts";

type Eventually<T> = T | Promise<T>;

export type DriverChange =
  | { readonly kind: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: "delete"; readonly key: Buffer };

/** Bounds as they were asked for; at most one lower and one upper. */
export interface DriverRange {
  readonly gte?: Buffer;
  readonly gt?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer;
  readonly reverse: boolean;
  /** Infinity when all are wanted. */
  readonly limit: number;
}

/** An engine as a driver serves it. */
export interface DrivenEngine {
  readonly capabilities: readonly StdioCapability[];
  /** What it claims; the harness holds it to that. */
  readonly durability: Durability;
  open(directory: string, options: Readonly<Record<string, unknown>>): Eventually<DrivenStore>;
}

/** What a capability covers may be left out where the engine does not have it. */
export interface DrivenStore {
  put(key: Buffer, value: Buffer, sync: boolean): Eventually<void>;
  delete(key: Buffer, sync: boolean): Eventually<void>;
  batch?(changes: readonly DriverChange[], sync: boolean): Eventually<void>;
  get(key: Buffer, snapshot?: DrivenSnapshot): Eventually<Buffer | Uint8Array | undefined>;
  has?(key: Buffer): Eventually<boolean>;
  scan?(range: DriverRange, snapshot?: DrivenSnapshot): Eventually<readonly (readonly [Uint8Array, Uint8Array])[]>;
  snapshot?(): Eventually<DrivenSnapshot>;
  sync?(): Eventually<void>;
  flush?(): Eventually<void>;
  compact?(): Eventually<void>;
  close(): Eventually<void>;
}

export interface DrivenSnapshot {
  close(): Eventually<void>;
}

type Fields = Readonly<Record<string, unknown>>;

const READ_BYTES = 64 << 10;
const NEWLINE = 0x0a;
const REQUESTS_FD = 0;
const ANSWERS_FD = 1;
/** How long to wait where a pipe does not block. */
const AGAIN_MILLISECONDS = 1;

/** Serves standard input until it ends. An answer that cannot be written throws. */
export async function serveDriver(engine: DrivenEngine): Promise<void> {
  const driver = new Driver(engine);
  for (const line of lines()) writeLine(JSON.stringify(await driver.answer(line)));
  await driver.end();
}

/** One open store and its snapshots. */
class Driver {
  readonly #engine: DrivenEngine;
  readonly #snapshots = new Map<string, DrivenSnapshot>();
  #store: DrivenStore | undefined;

  constructor(engine: DrivenEngine) {
    this.#engine = engine;
  }

  async answer(line: string): Promise<object> {
    let id: unknown;
    try {
      const request = JSON.parse(line) as Fields;
      id = request.id;
      return { id, ok: true, ...(await this.#execute(request)) };
    } catch (error) {
      const { code } = error as { code?: unknown };
      const message = error instanceof Error ? error.message : String(error);
      return { id, ok: false, code: typeof code === "string" ? code : "ERROR", message };
    }
  }

  async end(): Promise<void> {
    await this.#store?.close();
  }

  async #execute(request: Fields): Promise<object> {
    if (request.op === "open") return await this.#open(request);
    const store = this.#store;
    if (!store) throw new DriverError("CLOSED", "no store is open");
    switch (request.op) {
      case "put":
        await store.put(fromHex(request.key), fromHex(request.value), request.sync === true);
        return {};
      case "delete":
        await store.delete(fromHex(request.key), request.sync === true);
        return {};
      case "batch":
        await offered(store.batch, "batch").call(store, changesOf(request.ops), request.sync === true);
        return {};
      case "get":
        return { value: valueOf(await store.get(fromHex(request.key), this.#snapshotOf(request))) };
      case "has":
        return { value: await hasKey(store, fromHex(request.key)) };
      case "scan":
        return await this.#scan(store, request);
      case "close":
        this.#store = undefined;
        await store.close();
        return {};
      default:
        return await this.#maintain(store, request);
    }
  }

  async #maintain(store: DrivenStore, request: Fields): Promise<object> {
    const name = String(request.name);
    switch (request.op) {
      case "snapshot":
        this.#snapshots.set(name, await offered(store.snapshot, "snapshot").call(store));
        return {};
      case "release":
        await this.#snapshotOf({ snapshot: name })!.close();
        this.#snapshots.delete(name);
        return {};
      case "sync":
        await offered(store.sync, "sync").call(store);
        return {};
      case "flush":
        await offered(store.flush, "flush").call(store);
        return {};
      case "compact":
        await offered(store.compact, "compact").call(store);
        return {};
      default:
        throw new DriverError(UNSUPPORTED, `no operation ${JSON.stringify(request.op)}`);
    }
  }

  async #open(request: Fields): Promise<object> {
    if (this.#store) throw new DriverError("OPEN", "a store is open already");
    if (typeof request.dir !== "string") throw new ProtocolError("open without dir");
    this.#store = await this.#engine.open(request.dir, (request.options ?? {}) as Fields);
    const { capabilities, durability } = this.#engine;
    return { protocol: PROTOCOL_VERSION, capabilities, durability };
  }

  async #scan(store: DrivenStore, request: Fields): Promise<object> {
    const { reverse, limit } = request;
    const range: DriverRange = {
      ...boundsOf(request),
      reverse: reverse === true,
      limit: typeof limit === "number" ? limit : Number.POSITIVE_INFINITY,
    };
    const found = await offered(store.scan, "scan").call(store, range, this.#snapshotOf(request));
    return { entries: found.map(([key, value]) => [hexOf(key), hexOf(value)]) };
  }

  #snapshotOf({ snapshot }: Fields): DrivenSnapshot | undefined {
    if (snapshot === undefined) return undefined;
    const found = this.#snapshots.get(String(snapshot));
    if (!found) throw new DriverError("NO_SNAPSHOT", `no snapshot ${String(snapshot)}`);
    return found;
  }
}

async function hasKey(store: DrivenStore, key: Buffer): Promise<boolean> {
  return store.has ? await store.has(key) : (await store.get(key)) !== undefined;
}

function boundsOf(request: Fields): Partial<Record<"gte" | "gt" | "lt" | "lte", Buffer>> {
  const bounds: Partial<Record<"gte" | "gt" | "lt" | "lte", Buffer>> = {};
  for (const name of ["gte", "gt", "lt", "lte"] as const) {
    if (request[name] !== undefined) bounds[name] = fromHex(request[name]);
  }
  return bounds;
}

function changesOf(ops: unknown): DriverChange[] {
  if (!Array.isArray(ops)) throw new ProtocolError("batch without ops");
  return ops.map((change: unknown): DriverChange => {
    const [kind, key, value] = change as readonly unknown[];
    if (kind === "put") return { kind, key: fromHex(key), value: fromHex(value) };
    if (kind === "delete") return { kind, key: fromHex(key) };
    throw new ProtocolError(`a change ${JSON.stringify(kind)}`);
  });
}

function offered<T>(method: T | undefined, name: string): T {
  if (method === undefined) throw new DriverError(UNSUPPORTED, `this engine has no ${name}`);
  return method;
}

function valueOf(found: Uint8Array | undefined): unknown {
  return found === undefined ? NO_VALUE : hexOf(found);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function* lines(): Generator<string> {
  let buffered = Buffer.alloc(0);
  for (;;) {
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    const count = whenReady(() => readSync(REQUESTS_FD, chunk));
    if (count === 0) return;
    buffered = Buffer.concat([buffered, chunk.subarray(0, count)]);
    for (;;) {
      const end = buffered.indexOf(NEWLINE);
      if (end < 0) break;
      yield buffered.toString("utf8", 0, end);
      buffered = buffered.subarray(end + 1);
    }
  }
}

function writeLine(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let done = 0; done < bytes.length;) done += whenReady(() => writeSync(ANSWERS_FD, bytes, done));
}

// A pipe that somebody else made may not block: EAGAIN says that it has nothing, or no room, now.
function whenReady(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MILLISECONDS);
    }
  }
}
