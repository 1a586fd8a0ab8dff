// One operation as one line:  ID KIND WORD…   Words are tokens (tokens.ts); [x] may be missing, {x} repeats.
//
//   put KEY VALUE [sync]          delete KEY [sync]           deleteRange FROM TO [sync]
//   batch [sync] {CHANGE}         CHANGE: put KEY VALUE | delete KEY | deleteRange FROM TO
//   get KEY                       has KEY                     getMany {KEY}
//   scan SCAN                     SCAN: [gt=] [gte=] [lt=] [lte=] [prefix=] [limit=] [reverse] [keys | values]
//   snapshot NAME                 release NAME                snapshotGet NAME KEY      snapshotScan NAME SCAN
//   cursorOpen NAME [snapshot=] [lower=] [upper=]             cursorClose NAME
//   cursorMove NAME first | last | next | prev | seek KEY | seekForPrev KEY
//   putAsync TAG KEY VALUE [sync] deleteAsync TAG KEY [sync]  writeAsync TAG [sync] {CHANGE}
//   settle N ok | fail            await TAG
//   flush, sync, verify, openReadOnly, resume                 compactRange [from=] [to=]
//   step [N]                      checkpoint NAME             reopen CONFIG
//   crash kill | power none | all | seed=N | keep {ITEM} | lose {ITEM} [at=ID call= nth= when=]
//   fault CALL N none | part | whole | short EIO | ENOSPC once | forever
//
// VALUE is INCARNATION.ID.LENGTH. The address of a crash stands before its survival when there is one.

import type { Change, CrashOp, Op, ScanOptions, Survival } from "./op.ts";
import { escapeBytes, escapeText } from "./tokens.ts";
import type { ValueRef } from "./values.ts";
import { unreachable } from "./unreachable.ts";

/** The line of an operation, without its end. */
export function printOp(op: Op): string {
  const rest = wordsOf(op);
  return rest.length === 0 ? `${op.id} ${op.kind}` : `${op.id} ${op.kind} ${rest}`;
}

function wordsOf(op: Op): string {
  switch (op.kind) {
    case "put":
    case "delete":
    case "deleteRange":
      return changeWords(op) + (op.sync ? " sync" : "");
    case "batch":
      return join(op.sync ? "sync" : "", changeList(op.changes));
    case "get":
    case "has":
      return escapeBytes(op.key);
    case "getMany":
      return op.keys.map(escapeBytes).join(" ");
    case "scan":
      return scanWords(op);
    case "snapshot":
    case "release":
      return op.snapshot;
    case "snapshotGet":
      return `${op.snapshot} ${escapeBytes(op.key)}`;
    case "snapshotScan":
      return join(op.snapshot, scanWords(op));
    case "cursorOpen": {
      const snapshot = op.snapshot === undefined ? "" : `snapshot=${op.snapshot}`;
      return join(op.cursor, snapshot, named("lower", op.lower), named("upper", op.upper));
    }
    case "cursorMove":
      return join(op.cursor, op.move, "key" in op ? escapeBytes(op.key) : "");
    case "cursorClose":
      return op.cursor;
    case "putAsync":
      return join(op.tag, escapeBytes(op.key), printValue(op.value), op.sync ? "sync" : "");
    case "deleteAsync":
      return join(op.tag, escapeBytes(op.key), op.sync ? "sync" : "");
    case "writeAsync":
      return join(op.tag, op.sync ? "sync" : "", changeList(op.changes));
    default:
      return storeWords(op);
  }
}

function storeWords(op: Op): string {
  switch (op.kind) {
    case "settle":
      return `${op.nth} ${op.outcome}`;
    case "await":
      return op.tag;
    case "compactRange":
      return join(named("from", op.from), named("to", op.to));
    case "step":
      return op.job === undefined ? "" : String(op.job);
    case "checkpoint":
      return op.name;
    case "reopen":
      return escapeText(op.config);
    case "crash":
      return crashWords(op);
    case "fault":
      return `${op.call} ${op.nth} ${op.outcome} ${op.error} ${op.lasting ? "forever" : "once"}`;
    default:
      return "";
  }
}

function changeWords(change: Change): string {
  switch (change.kind) {
    case "put":
      return `${escapeBytes(change.key)} ${printValue(change.value)}`;
    case "delete":
      return escapeBytes(change.key);
    case "deleteRange":
      return `${escapeBytes(change.from)} ${escapeBytes(change.to)}`;
    default:
      return unreachable(change);
  }
}

function changeList(changes: readonly Change[]): string {
  return changes.map((change) => `${change.kind} ${changeWords(change)}`).join(" ");
}

function scanWords(scan: ScanOptions): string {
  return join(
    named("gt", scan.gt),
    named("gte", scan.gte),
    named("lt", scan.lt),
    named("lte", scan.lte),
    named("prefix", scan.prefix),
    scan.limit === undefined ? "" : `limit=${scan.limit}`,
    scan.reverse ? "reverse" : "",
    scan.only ?? "",
  );
}

function crashWords(op: CrashOp): string {
  const { at } = op;
  const address = at === undefined ? "" : `at=${at.op} call=${at.call} nth=${at.nth} when=${at.when}`;
  return join(op.loss, address, survivalWords(op.survival));
}

function survivalWords(survival: Survival): string {
  switch (survival.kind) {
    case "none":
    case "all":
      return survival.kind;
    case "seed":
      return `seed=${survival.seed}`;
    case "keep":
    case "lose":
      return join(survival.kind, ...survival.items.map(escapeText));
    default:
      return unreachable(survival);
  }
}

export function printValue(value: ValueRef): string {
  return `${value.incarnation}.${value.id}.${value.length}`;
}

function named(name: string, key: string | undefined): string {
  return key === undefined ? "" : `${name}=${escapeBytes(key)}`;
}

function join(...words: string[]): string {
  return words.filter((word) => word.length > 0).join(" ");
}
