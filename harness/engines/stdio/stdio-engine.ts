import { existsSync, rmSync } from "node:fs";
import type { Capability } from "../../capabilities.ts";
import { parseConfiguration } from "../../configurations.ts";
import type { Engine, EngineChange, EngineEntry, EngineRange, EngineSnapshot, EngineStore } from "../../engine.ts";
import { toEngine } from "../../engine-calls.ts";
import { changesOf, type SyncWriteOp } from "../../op.ts";
import type { Durability } from "../../oracle.ts";
import { type DriverDied, DriverProcess } from "./driver-process.ts";
import {
  DriverError,
  fromHex,
  NO_VALUE,
  parseOpened,
  ProtocolError,
  type StdioCapability,
  type StdioChange,
  type StdioOpened,
  type StdioReply,
  type StdioRange,
  type StdioRequest,
} from "./protocol.ts";

/** What `--engine` takes in front of a command. */
export const STDIO_PREFIX = "stdio:";

/** The first key behind all that start with a prefix; undefined when there is none. */
function behindPrefix(prefix: Buffer): Buffer | undefined {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  if (last < 0) return undefined;
  const bound = Buffer.from(prefix.subarray(0, last + 1));
  bound[last]!++;
  return bound;
}

/** Any engine that speaks the protocol (docs/engines.md), in a process of its own for each open store. */
export class StdioEngine implements Engine {
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly durability: Durability;
  readonly #command: readonly string[];

  /**
   * Asks a driver what its engine can do; `scratch` is a directory that does not exist. Throws ProtocolError, DriverDied, or
   * DriverError when it cannot open a new store.
   */
  static find(name: string, command: readonly string[], scratch: string): StdioEngine {
    const probe = new StdioStore(command, scratch);
    probe.close();
    rmSync(scratch, { recursive: true, force: true });
    return new StdioEngine(name, command, probe.opened);
  }

  private constructor(
    name: string,
    command: readonly string[],
    opened: Pick<StdioOpened, "capabilities" | "durability">,
  ) {
    this.name = name;
    this.#command = command;
    this.capabilities = new Set(opened.capabilities);
    this.durability = opened.durability;
  }

  /** The same with its drivers started by another program: `words` come before the command. */
  through(words: readonly string[]): StdioEngine {
    const { durability } = this;
    const capabilities = [...this.capabilities] as StdioCapability[];
    return new StdioEngine(this.name, [...words, ...this.#command], { capabilities, durability });
  }

  open(
    directory: string,
    config: string,
    mode: { readonly readOnly?: boolean; readonly create?: boolean } = {},
  ): StdioStore {
    if (mode.readOnly === true) throw new DriverError("UNSUPPORTED", "the protocol has no read-only open");
    if (mode.create === false && !existsSync(directory)) throw new DriverError("DOES_NOT_EXIST", directory);
    return new StdioStore(this.#command, directory, { ...parseConfiguration(config).options });
  }

  destroy(directory: string): void {
    rmSync(directory, { recursive: true, force: true });
  }
}

class NamedSnapshot implements EngineSnapshot {
  readonly name: string;
  readonly #release: () => void;

  constructor(name: string, release: () => void) {
    this.name = name;
    this.#release = release;
  }

  close(): void {
    this.#release();
  }
}

/** A store that is open in a driver. What the protocol has no word for throws, and is never asked for: see `capabilities`. */
export class StdioStore implements EngineStore {
  readonly opened: StdioOpened;
  readonly #process: DriverProcess;
  #ids = 0;
  #snapshots = 0;

  constructor(command: readonly string[], directory: string, options: Readonly<Record<string, unknown>> = {}) {
    this.#process = new DriverProcess(command);
    try {
      this.opened = parseOpened(this.ask({ op: "open", dir: directory, options }));
    } catch (error) {
      this.#process.kill();
      this.#process.end();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Sends a write and does not wait for its answer, which has the number that is returned. */
  sendWrite(op: SyncWriteOp): { readonly id: number; readonly bytes: number } {
    const ops = changesOf(op).map((change) => toChange(toEngine(change)));
    const { sync } = op;
    const [first] = ops;
    if (op.kind === "batch" || !first) return this.#send({ op: "batch", ops, sync });
    const [kind, key, value] = first;
    return this.#send(kind === "put" ? { op: kind, key, value, sync } : { op: kind, key, sync });
  }

  /** Asks for what has no arguments; gives the request's number. */
  askFor(op: "sync" | "flush" | "compact"): number {
    this.ask({ op });
    return this.#ids;
  }

  /** The next answer, which must be that to request `id`; undefined when the driver has ended without one. */
  answer(id: number): StdioReply | undefined {
    const line = this.#process.receiveOrEnd();
    return line === undefined ? undefined : parseReply(line, id);
  }

  /** Throws DriverError when the engine refuses, ProtocolError, DriverDied. */
  ask(request: StdioRequest): StdioReply & { readonly ok: true } {
    const { id } = this.#send(request);
    const reply = parseReply(this.#process.receive(), id);
    if (!reply.ok) throw new DriverError(reply.code, reply.message);
    return reply;
  }

  /** Why a driver that was not killed has ended. */
  died(): DriverDied {
    return this.#process.died();
  }

  /** SIGKILL. Answers written before can still be had by answer(). */
  kill(): void {
    this.#process.kill();
  }

  /** Lets go of a process that has ended. */
  reap(): void {
    this.#process.end();
  }

  put(key: Buffer, value: Buffer, sync: boolean): void {
    this.ask({ op: "put", key: key.toString("hex"), value: value.toString("hex"), sync });
  }

  delete(key: Buffer, sync: boolean): void {
    this.ask({ op: "delete", key: key.toString("hex"), sync });
  }

  deleteRange(): never {
    throw notInProtocol("deleteRange");
  }

  batch(changes: readonly EngineChange[], sync: boolean): void {
    this.ask({ op: "batch", ops: changes.map(toChange), sync });
  }

  putAsync(): never {
    throw notInProtocol("putAsync");
  }

  deleteAsync(): never {
    throw notInProtocol("deleteAsync");
  }

  batchAsync(): never {
    throw notInProtocol("batchAsync");
  }

  get(key: Buffer, snapshot?: EngineSnapshot): Buffer | undefined {
    const { value } = this.ask({ op: "get", key: key.toString("hex"), ...named(snapshot) });
    return value === NO_VALUE ? undefined : fromHex(value);
  }

  getMany(keys: readonly Buffer[]): (Buffer | undefined)[] {
    return keys.map((key) => this.get(key));
  }

  has(key: Buffer): boolean {
    const { value } = this.ask({ op: "has", key: key.toString("hex") });
    if (typeof value !== "boolean") throw new ProtocolError(`has answered ${JSON.stringify(value)}`);
    return value;
  }

  scan(range: EngineRange, snapshot?: EngineSnapshot): EngineEntry[] {
    const { entries } = this.ask({ op: "scan", ...toStdioRange(range), ...named(snapshot) });
    if (!Array.isArray(entries)) throw new ProtocolError("scan answered without entries");
    const { keys = true, values = true } = range;
    return entries.map((entry: unknown): EngineEntry => {
      if (!Array.isArray(entry) || entry.length !== 2) throw new ProtocolError("an entry is [key, value]");
      const [key, value] = [fromHex(entry[0]), fromHex(entry[1])];
      return [keys ? key : undefined, values ? value : undefined];
    });
  }

  snapshot(): EngineSnapshot {
    const name = `s${++this.#snapshots}`;
    this.ask({ op: "snapshot", name });
    return new NamedSnapshot(name, () => void this.ask({ op: "release", name }));
  }

  cursor(): never {
    throw notInProtocol("cursor");
  }

  flush(): void {
    this.ask({ op: "flush" });
  }

  compactRange(): void {
    this.ask({ op: "compact" });
  }

  sync(): void {
    this.ask({ op: "sync" });
  }

  step(): never {
    throw notInProtocol("step");
  }

  checkpoint(): never {
    throw notInProtocol("checkpoint");
  }

  verify(): never {
    throw notInProtocol("verify");
  }

  resume(): never {
    throw notInProtocol("resume");
  }

  replayedRecords(): number {
    return 0;
  }

  complaint(): undefined {
    return undefined;
  }

  settle(): readonly string[] {
    return [];
  }

  inspect(): readonly string[] {
    return [];
  }

  close(): void {
    this.ask({ op: "close" });
    this.#process.end();
  }

  #send(request: StdioRequest): { readonly id: number; readonly bytes: number } {
    const id = ++this.#ids;
    const line = JSON.stringify({ id, ...request });
    this.#process.send(line);
    return { id, bytes: line.length };
  }
}

function parseReply(line: string, id: number): StdioReply {
  let reply: unknown;
  try {
    reply = JSON.parse(line);
  } catch (error) {
    throw new ProtocolError(`${line.slice(0, 80)} is no JSON`, { cause: error });
  }
  const { id: answered, ok, code, message } = (reply ?? {}) as Partial<Record<string, unknown>>;
  if (answered !== id) throw new ProtocolError(`answer ${JSON.stringify(answered)} to request ${id}`);
  if (ok !== true && (ok !== false || typeof code !== "string" || typeof message !== "string"))
    throw new ProtocolError(`an answer is {"id","ok":true,…} or {"id","ok":false,"code","message"}`);
  return reply as StdioReply;
}

function toChange(change: EngineChange): StdioChange {
  if (change.kind === "deleteRange") throw notInProtocol("deleteRange");
  const key = change.key.toString("hex");
  return change.kind === "put" ? ["put", key, change.value.toString("hex")] : ["delete", key];
}

function toStdioRange({ gt, gte, lt, lte, prefix, reverse, limit }: EngineRange): StdioRange {
  const lower = prefix ?? gte;
  const upper = prefix ? behindPrefix(prefix) : lt;
  return {
    ...(lower && { gte: lower.toString("hex") }),
    ...(gt && { gt: gt.toString("hex") }),
    ...(upper && { lt: upper.toString("hex") }),
    ...(lte && { lte: lte.toString("hex") }),
    ...(reverse !== undefined && { reverse }),
    ...(limit !== undefined && { limit }),
  };
}

function named(snapshot: EngineSnapshot | undefined): { snapshot?: string } {
  return snapshot instanceof NamedSnapshot ? { snapshot: snapshot.name } : {};
}

function notInProtocol(what: string): Error {
  return new Error(`the protocol has no ${what}`);
}
