import type { Command } from "commander";
import type { Stats } from "../lsm/stats.ts";
import type { FoundVersion } from "../lsm/find.ts";
import { jsonField, parseArgument, readable } from "./encoding.ts";
import { Exit } from "./exit-codes.ts";
import type { CommandContext, Run } from "./command-context.ts";
import { Progress, printLine } from "./terminal.ts";

/** Width of the longest bar that `lsm` draws, in characters. */
const BAR_WIDTH = 40;

/** Commands that look at a whole store. */
export function addInspectCommands(program: Command, run: Run): void {
  program
    .command("stats")
    .description("what the store says of itself")
    .action(() => run(stats));
  program
    .command("lsm")
    .description("draw the levels")
    .action(() => run(lsm));
  program
    .command("verify")
    .description("read and check every file")
    .action(() => run(verify));
  program
    .command("find <key>")
    .description("every version of a key in every memtable, log and table")
    .action((key: string) => run((context) => find(context, key)));
}

function stats({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    const found = db.stats();
    if (options.json) {
      printLine(JSON.stringify(found));
      return;
    }
    for (const line of flatten(found, "")) printLine(line);
  });
}

/** One line a number: its path and its value. */
function flatten(value: unknown, path: string): string[] {
  if (!(value instanceof Object)) return [`${path}\t${String(value)}`];
  return Object.entries(value).flatMap(([name, inner]) => flatten(inner, path === "" ? name : `${path}.${name}`));
}

function lsm({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    const { levels, memtables, logs, manifest } = db.stats();
    if (options.json) {
      printLine(JSON.stringify({ memtables, logs, manifest, levels }));
      return;
    }
    printLine(`memtables  ${memtables.count}, ${memtables.entries} entries, ${size(memtables.bytes)}`);
    printLine(`logs       ${logs.count}, ${size(logs.bytes)}`);
    printLine(`manifest   ${manifest.number}, ${size(manifest.bytes)}`);
    for (const line of drawLevels(levels)) printLine(line);
  });
}

function drawLevels(levels: Stats["levels"]): string[] {
  const most = Math.max(1, ...levels.map((level) => level.bytes));
  return levels.map(({ level, tables, bytes, entries, score }) => {
    const bar = "█".repeat(Math.ceil((bytes / most) * BAR_WIDTH)).padEnd(BAR_WIDTH, "·");
    return `L${level}  ${bar}  ${tables} tables, ${size(bytes)}, ${entries} entries, score ${score.toFixed(2)}`;
  });
}

function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

function verify({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    const progress = new Progress("verifying");
    const report = db.verify(progress.update);
    progress.end();
    if (options.json) {
      printLine(JSON.stringify(report));
    } else {
      for (const { file, offset, problem } of report.problems) printLine(`${file}\t${offset}\t${problem}`);
      const { files, blocks, entries } = report;
      printLine(`${report.ok ? "ok" : "DAMAGED"}: ${files} files, ${blocks} blocks, ${entries} entries`);
    }
    return report.ok ? Exit.ok : Exit.damage;
  });
}

function find({ options, withStore }: CommandContext, text: string): number {
  return withStore("look", (db) => {
    const key = parseArgument(text, options.hex, "key");
    const versions = db.find(key);
    for (const version of versions)
      printLine(options.json ? JSON.stringify(asJson(version, options.hex)) : asText(version, options.hex));
    return versions.length > 0 ? Exit.ok : Exit.absent;
  });
}

function asJson({ value, ...rest }: FoundVersion, hex: boolean): object {
  return { ...rest, ...(value && jsonField("value", value, hex)) };
}

function asText({ where, file, level, sequence, kind, value }: FoundVersion, hex: boolean): string {
  const place = where === "memtable" ? "memtable" : `${file}${level === undefined ? "" : ` level ${level}`}`;
  return `${sequence}\t${kind}\t${place}${value ? `\t${readable(value, hex)}` : ""}`;
}
