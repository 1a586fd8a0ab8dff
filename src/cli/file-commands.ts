// Commands that look at one file, without its store: `tinykv sst dump FILE` and the like.

import { basename } from "node:path";
import type { Command } from "commander";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { CorruptionError, TinyKVError, errnoOf, invalidArgument } from "../common/errors.ts";
import { Kind } from "../common/internal-key.ts";
import { parseFileName } from "../lsm/file-names.ts";
import { decodeEdit, type VersionEdit } from "../lsm/version-edit.ts";
import { visitBatch } from "../memtable/write-batch.ts";
import { BlockCache } from "../sst/block-cache.ts";
import { TableReader } from "../sst/table-reader.ts";
import { CheckedEnv } from "../util/checked-env.ts";
import type { FileHandle } from "../util/env.ts";
import { readFully } from "../util/file-io.ts";
import { nodeEnv } from "../util/node-env.ts";
import { LogReader } from "../wal/log-reader.ts";
import { jsonField, readable } from "./encoding.ts";
import { Exit } from "./exit-codes.ts";
import type { CommandContext, GlobalOptions, Run } from "./command-context.ts";
import { printLine } from "./terminal.ts";

export function addFileCommands(program: Command, run: Run): void {
  const sst = program.command("sst").description("look at a table file");
  const table = (name: string, description: string, look: TableLook): void => {
    sst
      .command(`${name} <file>`)
      .description(description)
      .action((file: string) => run((context) => withTable(context, file, look)));
  };
  table("dump", "every entry", dumpTable);
  table("props", "its properties", showProperties);
  table("layout", "its blocks", showLayout);
  table("verify", "read and check all of it", verifyTable);
  const wal = program.command("wal").description("look at a write-ahead log");
  wal
    .command("dump <file>")
    .description("every operation")
    .action((file: string) => run((context) => dumpLog(context, file, "log")));
  const manifest = program.command("manifest").description("look at a manifest");
  manifest
    .command("dump <file>")
    .description("every edit")
    .action((file: string) => run((context) => dumpLog(context, file, "manifest")));
  manifest
    .command("check <file>")
    .description("decode every edit")
    .action((file: string) => run((context) => checkManifest(context, file)));
}

type TableLook = (reader: TableReader, context: CommandContext) => number | void;

function withFile<T>(
  path: string,
  kind: "table" | "log" | "manifest",
  look: (file: FileHandle, name: string, number: number) => T,
): T {
  const name = basename(path);
  const parsed = parseFileName(name);
  if (parsed.kind !== kind) throw invalidArgument(`${name} is not the name of a ${kind}`);
  const env = new CheckedEnv(nodeEnv);
  let file: FileHandle;
  try {
    file = env.open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} does not exist`, error);
    throw error;
  }
  try {
    return look(file, name, parsed.number);
  } finally {
    file.close();
  }
}

function withTable(context: CommandContext, path: string, look: TableLook): number {
  return withFile(path, "table", (file, name, number) => {
    const reader = TableReader.open({
      source: { read: (buffer, position) => readFully(file, buffer, position) },
      name,
      number,
      size: file.size(),
      order: new KeyOrder(bytewise),
      cache: new BlockCache(0),
    });
    return look(reader, context) ?? Exit.ok;
  });
}

function dumpTable(reader: TableReader, { options }: CommandContext): void {
  const cursor = reader.cursor({ fillCache: false });
  for (cursor.first(); cursor.valid; cursor.next()) {
    printLine(operationLine(options, cursor.sequence, cursor.kind, cursor.key, cursor.value));
  }
}

function operationLine(
  { json, hex }: GlobalOptions,
  sequence: number,
  kind: Kind,
  key: Uint8Array,
  value: Uint8Array,
): string {
  const name = kind === Kind.put ? "put" : kind === Kind.delete ? "delete" : "deleteRange";
  if (json) {
    const fields = kind === Kind.put ? jsonField("value", value, hex) : {};
    return JSON.stringify({ sequence, kind: name, ...jsonField("key", key, hex), ...fields });
  }
  return `${sequence}\t${name}\t${readable(key, hex)}${kind === Kind.put ? `\t${readable(value, hex)}` : ""}`;
}

function showProperties({ properties }: TableReader, { options }: CommandContext): void {
  const plain = Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, presentable(value, options.hex)]),
  );
  if (options.json) printLine(JSON.stringify(plain));
  else
    for (const [name, value] of Object.entries(plain))
      printLine(`${name}\t${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
}

// Byte arrays as text; everything else as it is.
function presentable(value: unknown, hex: boolean): unknown {
  if (value instanceof Uint8Array) return readable(value, hex);
  if (Array.isArray(value)) return value.map((item) => presentable(item, hex));
  if (!(value instanceof Object)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, presentable(inner, hex)]));
}

function showLayout(reader: TableReader, { options }: CommandContext): void {
  for (const { kind, offset, length } of reader.blocks()) {
    printLine(options.json ? JSON.stringify({ kind, offset, length }) : `${offset}\t${length}\t${kind}`);
  }
}

function verifyTable(reader: TableReader, { options }: CommandContext): number {
  const problems: { offset: number; problem: string }[] = [];
  const { blocks, entries } = reader.verify((offset, problem) => problems.push({ offset, problem }));
  const ok = problems.length === 0;
  if (options.json) printLine(JSON.stringify({ ok, blocks, entries, problems }));
  else {
    for (const { offset, problem } of problems) printLine(`${offset}\t${problem}`);
    printLine(`${ok ? "ok" : "DAMAGED"}: ${blocks} blocks, ${entries} entries`);
  }
  return ok ? Exit.ok : Exit.damage;
}

// Prints what can be read; a bad end is told last, since a log that was not closed has one.
function dumpLog({ options }: CommandContext, path: string, kind: "log" | "manifest"): number {
  return withFile(path, kind, (file, name, number) => {
    const reader = openLog(file, name, number, kind);
    for (let record = reader.next(); record; record = reader.next()) {
      if (kind === "manifest") {
        printLine(editLine(options, record.offset, decodeEdit(record.payload, name, record.offset)));
        continue;
      }
      visitBatch(record.payload, name, record.offset, (operation, sequence, key, value) =>
        printLine(operationLine(options, sequence, operation, key, value)),
      );
    }
    const { end } = reader;
    const offset = end.kind === "bad" ? end.offset : end.size;
    const text = end.kind === "clean" ? "CLEAN END" : end.kind === "bad" ? end.problem : "end";
    printLine(options.json ? JSON.stringify({ end: end.kind, offset, text }) : `${offset}\tend\t${text}`);
    return Exit.ok;
  });
}

function openLog(file: FileHandle, name: string, number: number, kind: "log" | "manifest"): LogReader {
  const reader = LogReader.open({ file, name, number, kind: kind === "log" ? "wal" : "manifest" });
  if (!reader.header) throw new CorruptionError(name, 0, reader.headerProblem ?? "no valid file header");
  return reader;
}

function editLine({ json, hex }: GlobalOptions, offset: number, edit: VersionEdit): string {
  const plain = presentable(edit, hex) as Record<string, unknown>;
  if (json) return JSON.stringify({ offset, ...plain });
  const fields = Object.entries(plain).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${offset}\t${fields.join(" ")}`;
}

function checkManifest({ options }: CommandContext, path: string): number {
  return withFile(path, "manifest", (file, name, number) => {
    const reader = openLog(file, name, number, "manifest");
    let edits = 0;
    for (let record = reader.next(); record; record = reader.next()) {
      decodeEdit(record.payload, name, record.offset);
      edits++;
    }
    const { end } = reader;
    const promise = end.kind === "bad" ? reader.promiseBeyond(end.offset) : undefined;
    if (end.kind === "bad" && promise) throw new CorruptionError(name, end.offset, end.problem);
    printLine(
      options.json
        ? JSON.stringify({ ok: true, edits, end: end.kind })
        : `ok: ${edits} edits, ${end.kind === "clean" ? "closed" : "not closed"}`,
    );
    return Exit.ok;
  });
}
