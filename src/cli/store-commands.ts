import type { Command } from "commander";
import { invalidArgument } from "../common/errors.ts";
import { destroyStore } from "../lsm/destroy.ts";
import type { Database } from "../lsm/database.ts";
import { WriteBatch } from "../memtable/write-batch.ts";
import type { CommandContext, Run } from "./command-context.ts";
import { jsonField, parseArgument, parseInputLine, shown, type InputOperation } from "./encoding.ts";
import { Exit } from "./exit-codes.ts";

import { Progress, inputLines, print, printError, printLine } from "./terminal.ts";

/** load writes batches of this many entries, or of this many bytes: large enough that the log's cost is spread. */
const LOAD_ENTRIES = 1000;
const LOAD_BYTES = 1 << 20;

/** Commands that read and write entries. */
export function addStoreCommands(program: Command, run: Run): void {
  program
    .command("put <key> <value>")
    .description("set a key")
    .action((key: string, value: string) => {
      run(({ options, withStore }) =>
        withStore("create", (db) =>
          db.put(parseArgument(key, options.hex, "key"), parseArgument(value, options.hex, "value")),
        ),
      );
    });
  program
    .command("get <key>")
    .description("print a key's value")
    .action((key: string) => run((context) => get(context, key)));
  program
    .command("delete <key>")
    .description("remove a key")
    .action((key: string) => {
      run(({ options, withStore }) => withStore("change", (db) => db.delete(parseArgument(key, options.hex, "key"))));
    });
  addScan(program, run);
  program
    .command("batch")
    .description("apply JSON lines from standard input as one atomic batch")
    .option("--each <n>", "an atomic batch for every n lines", positive)
    .action((options: { each?: number }) => run((context) => batch(context, options.each)));
  program
    .command("dump")
    .description("all entries as JSON lines")
    .action(() => run(dump));
  program
    .command("load")
    .description("put JSON lines from standard input")
    .action(() => run(load));
  program
    .command("flush")
    .description("write memtables to tables")
    .action(() => {
      run(({ withStore }) => withStore("change", (db) => db.flush()));
    });
  addMaintenance(program, run);
}

function addMaintenance(program: Command, run: Run): void {
  program
    .command("compact [from] [to]")
    .description("merge all levels in a range of keys")
    .action((from?: string, to?: string) => run((context) => compact(context, from, to)));
  program
    .command("checkpoint <dir>")
    .description("write a store of its own with the state of now")
    .action((dir: string) => {
      run(({ withStore }) => withStore("change", (db) => db.checkpoint(dir)));
    });
  program
    .command("destroy")
    .description("remove the store's files")
    .action(() => {
      run(({ options }) => {
        if (options.readOnly) throw invalidArgument("--read-only and destroy exclude each other");
        destroyStore(options.db, {});
      });
    });
}

interface ScanOptions {
  readonly from?: string;
  readonly to?: string;
  readonly prefix?: string;
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly keysOnly?: boolean;
}

function addScan(program: Command, run: Run): void {
  const ranged = (command: Command): Command =>
    command
      .option("--from <key>", "the first key")
      .option("--to <key>", "the key behind the last")
      .option("--prefix <prefix>", "only keys that begin so");
  ranged(program.command("scan").description("print entries in order"))
    .option("--reverse", "from the last to the first")
    .option("--limit <n>", "entries at most", natural)
    .option("--keys-only", "no values")
    .action((scan: ScanOptions) => run((context) => scanEntries(context, scan)));
  ranged(program.command("count").description("count entries")).action((scan: ScanOptions) => {
    run(({ options, withStore }) =>
      withStore("look", (db) => {
        let count = 0;
        for (const entry of db.iterate({ ...bounds(scan, options.hex), keys: false, values: false }))
          count += entry.length / 2;
        printLine(options.json ? JSON.stringify({ count }) : String(count));
      }),
    );
  });
}

function bounds(scan: ScanOptions, hex: boolean): { gte?: Uint8Array; lt?: Uint8Array; prefix?: Uint8Array } {
  return {
    ...(scan.from !== undefined && { gte: parseArgument(scan.from, hex, "--from") }),
    ...(scan.to !== undefined && { lt: parseArgument(scan.to, hex, "--to") }),
    ...(scan.prefix !== undefined && { prefix: parseArgument(scan.prefix, hex, "--prefix") }),
  };
}

function get({ options, withStore }: CommandContext, key: string): number {
  return withStore("look", (db) => {
    const bytes = parseArgument(key, options.hex, "key");
    const value = db.get(bytes);
    if (options.json) {
      const found = value ? jsonField("value", value, options.hex) : { found: false };
      printLine(JSON.stringify({ ...jsonField("key", bytes, options.hex), ...found }));
    } else if (value) {
      print(shown(value, options.hex));
      print("\n");
    } else {
      printError("tinykv: key not found");
    }
    return value ? Exit.ok : Exit.absent;
  });
}

function scanEntries({ options, withStore }: CommandContext, scan: ScanOptions): number {
  const { hex, json } = options;
  const { reverse = false, limit, keysOnly = false } = scan;
  return withStore("look", (db) => {
    const range = { ...bounds(scan, hex), reverse, ...(limit !== undefined && { limit }), values: !keysOnly };
    for (const [key, value] of db.iterate(range)) {
      if (json) {
        printLine(
          JSON.stringify({ ...jsonField("key", key, hex), ...(keysOnly ? {} : jsonField("value", value, hex)) }),
        );
        continue;
      }
      print(shown(key, hex));
      if (!keysOnly) {
        print("\t");
        print(shown(value, hex));
      }
      print("\n");
    }
  });
}

function dump({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    for (const [key, value] of db.iterate()) {
      printLine(JSON.stringify({ ...jsonField("key", key, options.hex), ...jsonField("value", value, options.hex) }));
    }
  });
}

function* inputOperations(hex: boolean, deletes: boolean): Generator<InputOperation> {
  for (const { line, number } of inputLines()) {
    if (line.trim() !== "") yield parseInputLine(line, number, hex, deletes);
  }
}

function addTo(batch: WriteBatch, operation: InputOperation): void {
  if (operation.kind === "put") batch.put(operation.key, operation.value);
  else batch.delete(operation.key);
}

function batch({ options, withStore }: CommandContext, each: number | undefined): number {
  return withStore("create", (db) => {
    const pending = new WriteBatch();
    for (const operation of inputOperations(options.hex, true)) {
      addTo(pending, operation);
      if (pending.count === each) writeAndClear(db, pending);
    }
    if (pending.count > 0) writeAndClear(db, pending);
  });
}

function writeAndClear(db: Database, batch: WriteBatch): void {
  db.write(batch);
  batch.clear();
}

// Durable once, at the end: a load that is cut short is loaded again.
function load({ options, withStore }: CommandContext): number {
  return withStore("create", (db) => {
    const progress = new Progress("loading");
    const pending = new WriteBatch();
    let loaded = 0;
    const write = (): void => {
      db.write(pending, { sync: false });
      loaded += pending.count;
      pending.clear();
      progress.count(loaded);
    };
    try {
      for (const operation of inputOperations(options.hex, false)) {
        addTo(pending, operation);
        if (pending.count >= LOAD_ENTRIES || pending.byteLength >= LOAD_BYTES) write();
      }
      if (pending.count > 0) write();
      if (options.sync) db.sync();
    } finally {
      progress.end();
    }
    if (options.json) printLine(JSON.stringify({ loaded }));
  });
}

function compact({ options, withStore }: CommandContext, from: string | undefined, to: string | undefined): number {
  const key = (text: string | undefined, what: string): Uint8Array | undefined =>
    text === undefined ? undefined : parseArgument(text, options.hex, what);
  return withStore("change", (db) => {
    const progress = new Progress("compacting");
    try {
      db.compactRange(key(from, "from"), key(to, "to"), progress.update);
    } finally {
      progress.end();
    }
  });
}

function natural(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw invalidArgument(`${text} is not a number of at least 0`);
  return value;
}

function positive(text: string): number {
  const value = natural(text);
  if (value === 0) throw invalidArgument("the number must be at least 1");
  return value;
}
