import type { Command } from "commander";
import { invalidArgument } from "../common/errors.ts";
import { repairStore } from "../lsm/repair/repair.ts";
import type { LostKeys, LostPart, RepairReport } from "../lsm/repair/report.ts";
import { jsonField, readable } from "./encoding.ts";
import type { CommandContext, Run } from "./command-context.ts";
import { Progress, printLine } from "./terminal.ts";

/** `tinykv repair`: exits with 0 when the store opens again, whatever was lost; the report says what. */
export function addRepairCommand(program: Command, run: Run): void {
  program
    .command("repair")
    .description("make a store that opens out of the files that are left, and say what is lost")
    .action(() => run(repair));
}

function repair({ options }: CommandContext): void {
  if (options.readOnly) throw invalidArgument("--read-only and repair exclude each other");
  const progress = { reading: new Progress("reading"), merging: new Progress("merging") };
  const report = repairStore(options.db, { paranoid: options.verify }, (phase, done, total) =>
    progress[phase].update(done, total),
  );
  progress.reading.end();
  progress.merging.end();
  if (options.json) printLine(JSON.stringify(asJson(report, options.hex)));
  else for (const line of asText(report, options.hex)) printLine(line);
}

function asJson({ lost, ...report }: RepairReport, hex: boolean): object {
  return {
    ...report,
    lost: lost.map(({ keys, ...part }) => ({ ...part, keys: keys.map((range) => keysJson(range, hex)) })),
  };
}

function keysJson(keys: LostKeys, hex: boolean): object {
  const { from, after, upTo } = keys;
  return {
    ...(from && jsonField("from", from, hex)),
    ...(after && jsonField("after", after, hex)),
    ...(upTo && jsonField("upTo", upTo, hex)),
  };
}

function asText(report: RepairReport, hex: boolean): string[] {
  const { files, lost, moved, rebuilt, isCertain, tables, entries, lastSequence } = report;
  if (!rebuilt) return ["sound: nothing was changed"];
  const lines = files.map(
    ({ file, state, use, entries: taken, reason }) => `${file}\t${state}\t${use}\t${taken}\t${reason}`,
  );
  for (const part of lost) lines.push(...lostLines(part, hex));
  if (moved.length > 0) lines.push(`in lost/: ${moved.join(", ")}`);
  if (!isCertain)
    lines.push("no whole manifest says which tables there should be: one that is gone altogether is not missed");
  const outcome = report.ok ? "repaired, nothing is known to be lost" : `repaired, with losses in ${lost.length} files`;
  return [...lines, `${outcome}: ${tables} tables, ${entries} entries, last sequence number ${lastSequence}`];
}

function lostLines({ file, damage, keys, sequences, filledFrom }: LostPart, hex: boolean): string[] {
  return [
    ...damage.map(({ offset, length, problem }) => `LOST ${file}\t${offset}\t${length} bytes\t${problem}`),
    ...keys.map((range) => `LOST ${file}\tkeys ${inWords(range, hex)}`),
    ...sequences.map(({ least, greatest }) => `LOST ${file}\tsequence numbers ${least} to ${greatest}`),
    ...(filledFrom.length > 0 ? [`LOST ${file}\tolder entries taken from ${filledFrom.join(", ")}`] : []),
  ];
}

function inWords({ from, after, upTo }: LostKeys, hex: boolean): string {
  const begin = from ? `from ${readable(from, hex)}` : after ? `behind ${readable(after, hex)}` : "from the first";
  return `${begin} to ${upTo ? readable(upTo, hex) : "the last"}`;
}
