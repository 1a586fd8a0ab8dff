// A trace as text: one header line, then one event a line: the call or mark, its fields in a fixed order, and, of a call
// that failed or fell short, how it ended. Empty lines and lines that start with "#" are comments. Paths are escaped as
// in op logs (tokens.ts), contents are base64, "-" if there are none.
//
//   # tinykv-trace v1
//   begin 7
//   open 3 wx /d/store/000004.log
//   write 3 0 VGlueUtW
//   sync 3 log.write error=EIO applied=part
//   end 7 failed

import { createHash } from "node:crypto";
import { BARRIERS, type Barrier, type OpenMode } from "tinykv/env";
import { escapeText, unescapeText } from "../tokens.ts";
import type { Ended, Trace, TraceCall, TraceEvent } from "./trace.ts";

/** A line that printTrace does not write. `line` counts from 1. */
export class TraceSyntaxError extends Error {
  override readonly name = "TraceSyntaxError";
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

const MAGIC = "# tinykv-trace v1";
/** Syncs of engines that are not ours have no names of their own. */
const FOREIGN = "foreign";
const BARRIER_NAMES: ReadonlySet<string> = new Set([...BARRIERS, FOREIGN]);
const MODES: ReadonlySet<string> = new Set<OpenMode>(["r", "rw", "wx"]);
const APPLIED: ReadonlySet<string> = new Set(["none", "part", "whole"]);

/** The first line of a trace. */
export const TRACE_HEADER: string = MAGIC;

export function printTrace(trace: Trace): string {
  return `${[MAGIC, ...trace.map(printEvent)].join("\n")}\n`;
}

/** Throws TraceSyntaxError for the first line that is not as printTrace would write it. */
export function parseTrace(text: string): TraceEvent[] {
  const lines = text.split(/\r?\n/);
  if (lines[0] !== MAGIC) throw new TraceSyntaxError(1, `a trace starts with "${MAGIC}"`);
  const events: TraceEvent[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.length > 0 && !line.startsWith("#")) events.push(new LineParser(line, i + 1).event());
  }
  return events;
}

/**
 * SHA-256 of the printed events, in hexadecimal: equal for runs that did the same I/O, bit for bit. Left out are events
 * of the paths, and of the files opened by the paths, that `ignore` names; a rename or link if it names either.
 */
export function traceHash(trace: Trace, ignore: (path: string) => boolean = () => false): string {
  const hash = createHash("sha256");
  const files = new Set<number>();
  const syncs = new Set<number>();
  for (const event of trace) if (!isIgnored(event, ignore, files, syncs)) hash.update(`${printEvent(event)}\n`);
  return hash.digest("hex");
}

function isIgnored(
  event: TraceEvent,
  ignore: (path: string) => boolean,
  files: Set<number>,
  syncs: Set<number>,
): boolean {
  if ("mark" in event) return false;
  if ("from" in event) return ignore(event.from) || ignore(event.to);
  if (event.call === "syncEnd") return syncs.has(event.sync);
  const ignored = "path" in event ? ignore(event.path) : "file" in event && files.has(event.file);
  if (ignored && event.call === "open") files.add(event.file);
  if (ignored && event.call === "syncBegin") syncs.add(event.sync);
  return ignored;
}

/** One line of a trace, without its end. */
export function printEvent(event: TraceEvent): string {
  if ("mark" in event) {
    return event.mark === "begin" ? `begin ${event.op}` : `end ${event.op} ${event.acknowledged ? "ok" : "failed"}`;
  }
  let line = [event.call, ...fieldsOf(event)].join(" ");
  if (event.error !== undefined) line += ` error=${escapeText(event.error)}`;
  if (event.applied !== undefined) line += ` applied=${event.applied}`;
  return line;
}

function fieldsOf(event: TraceCall): (string | number)[] {
  switch (event.call) {
    case "open":
      return [event.file, event.mode, escapeText(event.path)];
    case "close":
    case "size":
      return [event.file];
    case "read":
      return [event.file, event.position, event.count];
    case "write":
      return [event.file, event.position, printBytes(event.bytes)];
    case "truncate":
      return [event.file, event.size];
    case "sync":
      return [event.file, event.barrier];
    case "syncBegin":
      return [event.file, event.barrier, event.sync];
    case "syncEnd":
      return [event.sync];
    case "rename":
    case "link":
      return [escapeText(event.from), escapeText(event.to)];
    case "syncDirectory":
      return [escapeText(event.path), event.barrier];
    case "now":
    case "sleep":
      return [];
    case "randomBytes":
      return [event.count];
    default:
      return [escapeText(event.path)];
  }
}

function printBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "-";
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

class LineParser {
  readonly #line: number;
  readonly #words: string[];
  #at = 0;

  constructor(text: string, line: number) {
    this.#words = text.split(" ");
    this.#line = line;
  }

  event(): TraceEvent {
    const kind = this.#next("a call or mark");
    const event = kind === "begin" || kind === "end" ? this.#mark(kind) : { ...this.#call(kind), ...this.#ended() };
    if (this.#at < this.#words.length) throw this.#wrong("nothing more", this.#words[this.#at]);
    return event;
  }

  #mark(kind: "begin" | "end"): TraceEvent {
    const op = this.#number();
    if (kind === "begin") return { mark: kind, op };
    return { mark: kind, op, acknowledged: this.#oneOf(new Set(["ok", "failed"]), "ok or failed") === "ok" };
  }

  #call(call: string): TraceCall {
    switch (call) {
      case "open":
        return { call, file: this.#number(), mode: this.#oneOf(MODES, "a mode") as OpenMode, path: this.#path() };
      case "close":
      case "size":
        return { call, file: this.#number() };
      case "read":
        return { call, file: this.#number(), position: this.#number(), count: this.#number() };
      case "write":
        return { call, file: this.#number(), position: this.#number(), bytes: this.#bytes() };
      case "truncate":
        return { call, file: this.#number(), size: this.#number() };
      case "sync":
        return { call, file: this.#number(), barrier: this.#barrier() };
      case "syncBegin":
        return { call, file: this.#number(), barrier: this.#barrier(), sync: this.#number() };
      case "syncEnd":
        return { call, sync: this.#number() };
      case "rename":
      case "link":
        return { call, from: this.#path(), to: this.#path() };
      case "syncDirectory":
        return { call, path: this.#path(), barrier: this.#barrier() };
      case "now":
      case "sleep":
        return { call };
      case "randomBytes":
        return { call, count: this.#number() };
      case "makeDirectory":
      case "removeDirectory":
      case "readDirectory":
      case "stat":
      case "unlink":
      case "lock":
      case "release":
        return { call, path: this.#path() };
      default:
        throw this.#wrong("a call or mark", call);
    }
  }

  #ended(): Ended {
    const error = this.#option("error=");
    const text = error === undefined ? undefined : unescapeText(error);
    if (error !== undefined && text === undefined) throw this.#wrong("an error", error);
    const applied = this.#option("applied=");
    if (applied !== undefined && !APPLIED.has(applied)) throw this.#wrong("none, part or whole", applied);
    return {
      ...(text !== undefined && { error: text }),
      ...(applied !== undefined && { applied: applied as NonNullable<Ended["applied"]> }),
    };
  }

  #option(prefix: string): string | undefined {
    const word = this.#words[this.#at];
    if (!word?.startsWith(prefix)) return undefined;
    this.#at++;
    return word.slice(prefix.length);
  }

  #next(wanted: string): string {
    const word = this.#words[this.#at++];
    if (word === undefined || word === "") throw this.#wrong(wanted, word);
    return word;
  }

  #number(): number {
    const word = this.#next("a number");
    if (!/^-?(?:0|[1-9]\d*)$/.test(word) || !Number.isSafeInteger(Number(word))) throw this.#wrong("a number", word);
    return Number(word);
  }

  #path(): string {
    const word = this.#next("a path");
    const path = unescapeText(word);
    if (path === undefined) throw this.#wrong("a path", word);
    return path;
  }

  #bytes(): Uint8Array {
    const word = this.#next("base64 or -");
    if (word === "-") return new Uint8Array(0);
    const bytes = Buffer.from(word, "base64");
    if (bytes.toString("base64") !== word) throw this.#wrong("base64 or -", word);
    return new Uint8Array(bytes); // a small Buffer is a part of a page of others
  }

  #barrier(): Barrier {
    return this.#oneOf(BARRIER_NAMES, "a barrier") as Barrier;
  }

  #oneOf(words: ReadonlySet<string>, wanted: string): string {
    const word = this.#next(wanted);
    if (!words.has(word)) throw this.#wrong(wanted, word);
    return word;
  }

  #wrong(wanted: string, word: string | undefined): TraceSyntaxError {
    return new TraceSyntaxError(this.#line, word === undefined ? `ends before ${wanted}` : `${word} is not ${wanted}`);
  }
}
