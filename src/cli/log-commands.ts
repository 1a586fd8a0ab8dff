// `tinykv wal dump` and `tinykv manifest …`: one log or manifest, without its store, damaged or not.

import type { Command } from "commander";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { badBytesProblem, errnoOf } from "../common/errors.ts";
import { parseFileName, tableName } from "../lsm/file-names.ts";
import { inspectLog, type InspectedRecord, type LogInspection } from "../lsm/log-inspection.ts";
import { inspectManifest, stateProblems, type InspectedManifest } from "../lsm/manifest-inspection.ts";
import { joinPath } from "../lsm/store-context.ts";
import { successorOf } from "../lsm/survey.ts";
import { decodeBatchHeader, visitBatch } from "../memtable/write-batch.ts";
import { salvageTable } from "../sst/table-salvage.ts";
import type { LogGap } from "../wal/log-reader.ts";
import type { GlobalOptions, Run } from "./command-context.ts";
import { Exit } from "./exit-codes.ts";
import { operationLine, presentable, tellProblem, withFile, type GivenFile } from "./file-access.ts";
import { printLine } from "./terminal.ts";

export function addLogCommands(program: Command, run: Run): void {
  const wal = program.command("wal").description("look at a write-ahead log");
  wal
    .command("dump <file>")
    .description("every record that can be read, and how the log ends")
    .action((file: string) => run((context) => withFile(file, "log", (given) => dumpLog(given, context.options))));
  const manifest = program.command("manifest").description("look at a manifest");
  manifest
    .command("dump <file>")
    .description("every edit that can be read, and how the manifest ends")
    .action((file: string) =>
      run((context) => withFile(file, "manifest", (given) => dumpManifest(given, context.options))),
    );
  manifest
    .command("check <file>")
    .description("add the edits up and check what they say, with the files beside it")
    .action((file: string) =>
      run((context) => withFile(file, "manifest", (given) => checkManifest(given, context.options))),
    );
}

function dumpLog(given: GivenFile, options: GlobalOptions): number {
  const { env, file, name, directory, number } = given;
  const successor = successorOf(env, directory, number);
  let unreadable = 0;
  // A gap that no record follows is the log's end, which need not be damage.
  let open: LogGap | undefined;
  const tellGap = (): void => {
    if (open) tellProblem(options, name, { ...open, problem: open.reason });
    if (open && !options.json) printLine(`${open.offset}\tgap\t${open.length} bytes: ${open.reason}`);
    if (open) unreadable++;
    open = undefined;
  };
  const log = inspectLog(
    { file, name, number, kind: "wal", ...(successor && { successor }) },
    (record) => {
      tellGap();
      if (!printBatch(record, name, options)) unreadable++;
    },
    (gap) => (open = gap),
  );
  if (log.verdict !== "torn" && log.verdict !== "whole") tellGap();
  return printEnd(log, options, unreadable);
}

// False for a record that is no batch: its chunks are whole, so it was written like that.
function printBatch(record: InspectedRecord, name: string, options: GlobalOptions): boolean {
  const { payload, offset, end, syncedOffset } = record;
  try {
    const { firstSequence, count } = decodeBatchHeader(payload, name, offset);
    visitBatch(payload, name, offset, () => undefined);
    const facts = { record: offset, end, sequence: firstSequence, count, syncedOffset };
    if (options.json) printLine(JSON.stringify(facts));
    else printLine(`${offset}\trecord\t${count} from ${firstSequence}, synced to ${syncedOffset}`);
    visitBatch(payload, name, offset, (kind, sequence, key, value) =>
      printLine(operationLine(options, sequence, kind, key, value, { offset })),
    );
    return true;
  } catch (error) {
    const problem = badBytesProblem(error);
    if (problem === undefined) throw error;
    tellProblem(options, name, {
      offset,
      length: end - offset,
      problem: `a record that cannot be decoded: ${problem}`,
    });
    return false;
  }
}

function printEnd({ end, verdict, reason }: LogInspection, options: GlobalOptions, unreadable: number): number {
  const offset = end.kind === "bad" ? end.offset : end.size;
  const text = end.kind === "clean" ? "CLEAN END" : end.kind === "bad" ? end.problem : "end";
  if (options.json) printLine(JSON.stringify({ end: end.kind, offset, text, verdict, reason }));
  else printLine(`${offset}\tend\t${verdict === "closed" ? text : `${verdict}: ${reason}`}`);
  return verdict === "damaged" || verdict === "empty" || unreadable > 0 ? Exit.damage : Exit.ok;
}

function dumpManifest({ file, name, number }: GivenFile, options: GlobalOptions): number {
  const manifest = inspectManifest(file, number, {
    edit(offset, edit, syncedOffset) {
      const plain = presentable(edit, options.hex) as Record<string, unknown>;
      if (options.json) return printLine(JSON.stringify({ offset, syncedOffset, ...plain }));
      const fields = Object.entries(plain).map(([field, value]) => `${field}=${JSON.stringify(value)}`);
      return printLine(`${offset}\t${fields.join(" ")}`);
    },
    problem: (problem) => tellProblem(options, name, problem),
  });
  return printEnd(manifest.log, options, manifest.problems.length);
}

interface CheckProblem {
  readonly file: string;
  readonly offset: number;
  readonly problem: string;
}

function checkManifest(given: GivenFile, options: GlobalOptions): number {
  const { name } = given;
  const manifest = inspectManifest(given.file, given.number);
  const problems: CheckProblem[] = [
    ...manifest.problems.map(({ offset, problem }) => ({ file: name, offset, problem })),
    ...stateProblems(manifest, new KeyOrder(bytewise)).map((problem) => ({
      file: name,
      offset: manifest.log.end.size,
      problem,
    })),
    ...tableProblems(given, manifest),
  ];
  if (manifest.log.verdict === "damaged" && problems.length === 0)
    problems.push({ file: name, offset: manifest.log.end.size, problem: manifest.log.reason });
  const ok = problems.length === 0;
  const { edits, comparatorName, log } = manifest;
  const isKnown = comparatorName === bytewise.name;
  if (options.json) {
    const facts = { ok, edits, end: log.end.kind, verdict: log.verdict, tables: manifest.tables.size, problems };
    printLine(JSON.stringify({ ...facts, comparatorName, orderChecked: isKnown }));
  } else {
    for (const { file, offset, problem } of problems) printLine(`${file}\t${offset}\t${problem}`);
    const closed = log.end.kind === "clean" ? "closed" : "not closed";
    const order = isKnown ? "" : `, order not checked (${comparatorName ?? "comparator unknown"})`;
    printLine(`${ok ? "ok" : "DAMAGED"}: ${edits} edits, ${closed}${order}`);
  }
  return ok ? Exit.ok : Exit.damage;
}

// Live tables, if this is a manifest in its directory: one that lies elsewhere, alone, says nothing of them.
function tableProblems({ env, directory }: GivenFile, manifest: InspectedManifest): CheckProblem[] {
  const names = new Set(env.readDirectory(directory));
  if (![...names].some((name) => ["table", "current"].includes(parseFileName(name).kind))) return [];
  const problems: CheckProblem[] = [];
  for (const { table } of manifest.tables.values()) {
    const name = tableName(table.number);
    const report = (offset: number, problem: string): void => void problems.push({ file: name, offset, problem });
    if (!names.has(name)) {
      report(0, "missing, but named by the manifest");
      continue;
    }
    let file;
    try {
      file = env.open(joinPath(directory, name), "r");
    } catch (error) {
      report(0, errnoOf(error) === "ELOOP" ? "a symbolic link" : String(error));
      continue;
    }
    try {
      const size = file.size();
      if (size !== table.size) report(0, `${size} bytes, the manifest says ${table.size}`);
      const order = new KeyOrder(bytewise);
      const found = salvageTable({ file, name, number: table.number, order, tag: table.tag });
      for (const { offset, problem } of found.problems) report(offset, problem);
      if (found.footer && found.footer.tag !== table.tag) report(0, "a table of another life of the file");
    } finally {
      file.close();
    }
  }
  return problems;
}
