// `tinykv sst …`: one table, without its store, damaged or not.

import type { Command } from "commander";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { metaFromManifests } from "../lsm/survey.ts";
import { BlockCache } from "../sst/block-cache.ts";
import { salvageTable, type SalvagedTable } from "../sst/table-salvage.ts";
import { TableReader } from "../sst/table-reader.ts";
import { readFully } from "../util/file-io.ts";
import type { CommandContext, GlobalOptions, Run } from "./command-context.ts";
import { readable } from "./encoding.ts";
import { Exit } from "./exit-codes.ts";
import { operationLine, presentable, tellProblem, withFile, type GivenFile } from "./file-access.ts";
import { printError, printLine } from "./terminal.ts";

type TableLook = (given: GivenFile, context: CommandContext) => number;

export function addTableCommands(program: Command, run: Run): void {
  const sst = program.command("sst").description("look at a table file");
  const table = (name: string, description: string, look: TableLook): void => {
    sst
      .command(`${name} <file>`)
      .description(description)
      .action((file: string) => run((context) => withFile(file, "table", (given) => look(given, context))));
  };
  table("dump", "every entry of every block that can be read", dumpTable);
  table("props", "its properties", showProperties);
  table("layout", "its blocks", showLayout);
  table("verify", "read and check all of it", verifyTable);
}

// Without a footer the tag is needed to tell blocks from what only looks like them: a manifest beside the table has it.
function salvage({ env, file, name, directory, number }: GivenFile): SalvagedTable {
  const order = new KeyOrder(bytewise);
  const table = salvageTable({ file, name, number, order });
  if (table.footer) return table;
  const tag = metaFromManifests(env, directory, number)?.tag;
  return tag === undefined || tag === table.tag ? table : salvageTable({ file, name, number, order, tag });
}

function dumpTable(given: GivenFile, { options }: CommandContext): number {
  const table = salvage(given);
  table.visit((key, sequence, kind, value) => printLine(operationLine(options, sequence, kind, key, value)));
  return tellDamage(table, given, options);
}

function tellDamage(table: SalvagedTable, { name }: GivenFile, options: GlobalOptions): number {
  for (const problem of table.problems) tellProblem(options, name, problem);
  for (const { after, upTo, bytes } of table.gaps) {
    const bound = (key: Buffer | undefined, none: string): string => (key ? readable(key, options.hex) : none);
    const gap = { after: after && readable(after, options.hex), upTo: upTo && readable(upTo, options.hex), bytes };
    if (options.json) printLine(JSON.stringify({ gap }));
    else
      printError(
        `tinykv: ${name}: entries may be missing behind ${bound(after, "the start")} up to ${bound(upTo, "the end")}`,
      );
  }
  if (table.method !== "index" && table.tag !== 0)
    printError(
      `tinykv: ${name}: ${table.method === "search" ? "no index" : "parts of the index"} can be read; blocks were looked for byte by byte`,
    );
  return table.isWhole ? Exit.ok : Exit.damage;
}

function showProperties(given: GivenFile, { options }: CommandContext): number {
  const { properties, problems } = salvage(given);
  if (properties) {
    const plain = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, presentable(value, options.hex)]),
    );
    if (options.json) printLine(JSON.stringify(plain));
    else
      for (const [name, value] of Object.entries(plain))
        printLine(`${name}\t${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  }
  for (const problem of problems) tellProblem(options, given.name, problem);
  return problems.length === 0 ? Exit.ok : Exit.damage;
}

function showLayout(given: GivenFile, { options }: CommandContext): number {
  const table = salvage(given);
  table.visit(() => undefined);
  const damaged = table.problems.map((problem) => ({ kind: "damaged", ...problem }));
  const places: { kind: string; offset: number; length: number; problem?: string }[] = [...table.places, ...damaged];
  for (const place of places.sort((a, b) => a.offset - b.offset)) {
    const { kind, offset, length, problem } = place;
    if (options.json) printLine(JSON.stringify(place));
    else printLine(`${offset}\t${length}\t${kind}${problem === undefined ? "" : `: ${problem}`}`);
  }
  return table.isWhole ? Exit.ok : Exit.damage;
}

interface Verdict {
  readonly blocks: number;
  readonly entries: number;
  readonly problems: readonly { readonly offset: number; readonly problem: string }[];
}

function verifyTable(given: GivenFile, { options }: CommandContext): number {
  const { blocks, entries, problems } = verifyWhole(given) ?? verifyParts(given);
  const ok = problems.length === 0;
  if (options.json) printLine(JSON.stringify({ ok, blocks, entries, problems }));
  else {
    for (const { offset, problem } of problems) printLine(`${offset}\t${problem}`);
    printLine(`${ok ? "ok" : "DAMAGED"}: ${blocks} blocks, ${entries} entries`);
  }
  return ok ? Exit.ok : Exit.damage;
}

/** Everything that a table promises of itself; undefined for one that does not open. */
function verifyWhole({ file, name, number }: GivenFile): Verdict | undefined {
  let reader: TableReader;
  try {
    reader = TableReader.open({
      source: { read: (buffer, position) => readFully(file, buffer, position) },
      name,
      number,
      size: file.size(),
      order: new KeyOrder(bytewise),
      cache: new BlockCache(0),
    });
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    if (error instanceof TinyKVError && error.code === "TINYKV_COMPARATOR_MISMATCH") return undefined;
    throw error;
  }
  const problems: { offset: number; problem: string }[] = [];
  return { ...reader.verify((offset, problem) => problems.push({ offset, problem })), problems };
}

// Of a table that does not open, or whose order is not known here, each block by itself.
function verifyParts(given: GivenFile): Verdict {
  const table = salvage(given);
  let entries = 0;
  table.visit(() => entries++);
  const comparator = table.properties?.comparatorName ?? bytewise.name;
  if (comparator !== bytewise.name)
    printError(`tinykv: ${given.name} is in the order of ${comparator}, which is not known here: order is not checked`);
  return { blocks: table.places.length, entries, problems: table.problems };
}
