// The other direction of op-line.ts, which holds the grammar.

import {
  type AsyncWriteOp,
  type Change,
  type CrashAddress,
  type CrashOp,
  type FaultOp,
  type Op,
  OP_KINDS,
  type OpKind,
  type PinnedOp,
  type ReadOp,
  type ScanOptions,
  type StoreOp,
  type Survival,
} from "./op.ts";
import { OpSyntaxError, OpWords } from "./op-words.ts";
import { unreachable } from "./unreachable.ts";

/** The operation of a line; throws OpSyntaxError. */
export function parseOp(line: string): Op {
  const words = new OpWords(line);
  const id = words.number("the id");
  const kind = words.oneOf("the operation", OP_KINDS);
  const op = parseRest(id, kind, words);
  if (!words.done) throw new OpSyntaxError(`unexpected: ${words.word("")}`);
  return op;
}

function parseRest(id: number, kind: OpKind, words: OpWords): Op {
  switch (kind) {
    case "put":
    case "delete":
    case "deleteRange":
      return { id, ...parseChange(kind, words), sync: words.flag("sync") };
    case "batch":
      return { id, kind, sync: words.flag("sync"), changes: parseChanges(words) };
    case "putAsync":
    case "deleteAsync":
    case "writeAsync":
      return parseAsyncWrite(id, kind, words);
    case "get":
    case "has":
    case "getMany":
    case "scan":
      return parseRead(id, kind, words);
    case "snapshot":
    case "release":
    case "snapshotGet":
    case "snapshotScan":
    case "cursorOpen":
    case "cursorMove":
    case "cursorClose":
      return parsePinned(id, kind, words);
    case "crash":
      return parseCrash(id, words);
    case "fault":
      return parseFault(id, words);
    default:
      return parseStoreOp(id, kind, words);
  }
}

function parseChange(kind: Change["kind"], words: OpWords): Change {
  switch (kind) {
    case "put":
      return { kind, key: words.key(), value: words.value() };
    case "delete":
      return { kind, key: words.key() };
    case "deleteRange":
      return { kind, from: words.key("from"), to: words.key("to") };
    default:
      return unreachable(kind);
  }
}

function parseChanges(words: OpWords): Change[] {
  const changes: Change[] = [];
  while (!words.done) changes.push(parseChange(words.oneOf("a change", ["put", "delete", "deleteRange"]), words));
  return changes;
}

function parseAsyncWrite(id: number, kind: AsyncWriteOp["kind"], words: OpWords): AsyncWriteOp {
  const tag = words.name("the tag");
  switch (kind) {
    case "putAsync":
      return { id, kind, tag, key: words.key(), value: words.value(), sync: words.flag("sync") };
    case "deleteAsync":
      return { id, kind, tag, key: words.key(), sync: words.flag("sync") };
    case "writeAsync":
      return { id, kind, tag, sync: words.flag("sync"), changes: parseChanges(words) };
    default:
      return unreachable(kind);
  }
}

function parseRead(id: number, kind: ReadOp["kind"], words: OpWords): ReadOp {
  switch (kind) {
    case "get":
    case "has":
      return { id, kind, key: words.key() };
    case "getMany": {
      const keys: string[] = [];
      while (!words.done) keys.push(words.key());
      return { id, kind, keys };
    }
    case "scan":
      return { id, kind, ...parseScan(words) };
    default:
      return unreachable(kind);
  }
}

function parseScan(words: OpWords): ScanOptions {
  return {
    ...given("gt", words.namedKey("gt")),
    ...given("gte", words.namedKey("gte")),
    ...given("lt", words.namedKey("lt")),
    ...given("lte", words.namedKey("lte")),
    ...given("prefix", words.namedKey("prefix")),
    ...given("limit", words.namedNumber("limit")),
    ...(words.flag("reverse") ? { reverse: true } : {}),
    ...(words.flag("keys") ? { only: "keys" } : words.flag("values") ? { only: "values" } : {}),
  };
}

function parsePinned(id: number, kind: PinnedOp["kind"], words: OpWords): PinnedOp {
  const name = words.name("the name");
  switch (kind) {
    case "snapshot":
    case "release":
      return { id, kind, snapshot: name };
    case "snapshotGet":
      return { id, kind, snapshot: name, key: words.key() };
    case "snapshotScan":
      return { id, kind, snapshot: name, ...parseScan(words) };
    case "cursorOpen":
      return {
        id,
        kind,
        cursor: name,
        ...given("snapshot", words.namedName("snapshot")),
        ...given("lower", words.namedKey("lower")),
        ...given("upper", words.namedKey("upper")),
      };
    case "cursorMove": {
      const move = words.oneOf("the move", ["first", "last", "next", "prev", "seek", "seekForPrev"]);
      if (move === "seek" || move === "seekForPrev") return { id, kind, cursor: name, move, key: words.key() };
      return { id, kind, cursor: name, move };
    }
    case "cursorClose":
      return { id, kind, cursor: name };
    default:
      return unreachable(kind);
  }
}

function parseStoreOp(id: number, kind: StoreOp["kind"], words: OpWords): StoreOp {
  switch (kind) {
    case "settle":
      return { id, kind, nth: words.number("which"), outcome: words.oneOf("the outcome", ["ok", "fail"]) };
    case "await":
      return { id, kind, tag: words.name("the tag") };
    case "compactRange":
      return { id, kind, ...given("from", words.namedKey("from")), ...given("to", words.namedKey("to")) };
    case "step":
      return words.done ? { id, kind } : { id, kind, job: words.number("the job") };
    case "checkpoint":
      return { id, kind, name: words.name("the name") };
    case "reopen":
      return { id, kind, config: words.text("the configuration") };
    case "flush":
    case "sync":
    case "verify":
    case "openReadOnly":
    case "resume":
      return { id, kind };
    default:
      return unreachable(kind);
  }
}

function parseCrash(id: number, words: OpWords): CrashOp {
  const loss = words.oneOf("the loss", ["kill", "power"]);
  const at = parseAddress(words);
  return { id, kind: "crash", loss, ...given("at", at), survival: parseSurvival(words) };
}

function parseAddress(words: OpWords): CrashAddress | undefined {
  const op = words.namedNumber("at");
  if (op === undefined) return undefined;
  const call = required(words.namedName("call"), "call=");
  const nth = required(words.namedNumber("nth"), "nth=");
  const when = required(words.named("when"), "when=");
  if (when !== "before" && when !== "inside" && when !== "after") throw new OpSyntaxError(`unknown when=${when}`);
  return { op, call, nth, when };
}

function parseSurvival(words: OpWords): Survival {
  const seed = words.namedNumber("seed");
  if (seed !== undefined) return { kind: "seed", seed };
  const kind = words.oneOf("the survival", ["none", "all", "keep", "lose"]);
  if (kind === "none" || kind === "all") return { kind };
  const items: string[] = [];
  while (!words.done) items.push(words.text("an item"));
  return { kind, items };
}

function parseFault(id: number, words: OpWords): FaultOp {
  return {
    id,
    kind: "fault",
    call: words.name("the call"),
    nth: words.number("which"),
    outcome: words.oneOf("the outcome", ["none", "part", "whole", "short"]),
    error: words.oneOf("the error", ["EIO", "ENOSPC"]),
    lasting: words.oneOf("how long", ["once", "forever"]) === "forever",
  };
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new OpSyntaxError(`${what} is missing`);
  return value;
}

// An optional property is absent, not undefined.
function given<Name extends string, T>(name: Name, value: T | undefined): { [name in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]: T });
}
