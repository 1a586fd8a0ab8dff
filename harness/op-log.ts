// An op log is text: one header line, then one line an operation (op-line.ts). Empty lines and lines that start with "#"
// are comments. Ids rise; apart from that any subsequence of an op log is an op log.
//
//   # tinykv-ops v1 seed=7 workload=mixed config=small engine=tinykv versions=node:20.20.2

import type { Op } from "./op.ts";
import { printOp } from "./op-line.ts";
import { parseOp } from "./op-parse.ts";
import { OpSyntaxError } from "./op-words.ts";
import { escapeText, unescapeText } from "./tokens.ts";

/** Where a log comes from; "" for what does not apply. */
export interface OpLogHeader {
  readonly seed: string;
  readonly workload: string;
  /** The configuration the store is first opened with (configurations.ts). */
  readonly config: string;
  readonly engine: string;
  readonly versions: string;
}

export interface OpLog {
  readonly header: OpLogHeader;
  readonly ops: readonly Op[];
}

/** A line that is not understood. `line` counts from 1. */
export class OpLogError extends Error {
  override readonly name = "OpLogError";
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

const MAGIC = "# tinykv-ops v1";
const FIELDS = ["seed", "workload", "config", "engine", "versions"] as const;

export function printOpLog(log: OpLog): string {
  return `${[printHeader(log.header), ...log.ops.map(printOp)].join("\n")}\n`;
}

export function printHeader(header: OpLogHeader): string {
  return [MAGIC, ...FIELDS.map((field) => `${field}=${escapeText(header[field])}`)].join(" ");
}

/** Throws OpLogError for the first line that is not as printOpLog would write it. */
export function parseOpLog(text: string): OpLog {
  const lines = text.split(/\r?\n/);
  const header = parseHeader(lines[0]!);
  const ops: Op[] = [];
  let lastId = -1;
  for (const [i, line] of lines.entries()) {
    if (line.length === 0 || line.startsWith("#")) continue;
    const op = parseLine(line, i + 1);
    if (op.id <= lastId) throw new OpLogError(i + 1, `id ${op.id} after id ${lastId}: ids must rise`);
    lastId = op.id;
    ops.push(op);
  }
  return { header, ops };
}

/** Throws OpLogError. */
export function parseHeader(line: string): OpLogHeader {
  const [hash, magic, version, ...words] = line.split(" ");
  if (`${hash} ${magic}` !== "# tinykv-ops") throw new OpLogError(1, `a log starts with "${MAGIC}"`);
  if (version !== "v1") throw new OpLogError(1, `unknown version ${version ?? ""}`);
  const header = { seed: "", workload: "", config: "", engine: "", versions: "" };
  for (const word of words) {
    const field = FIELDS.find((name) => word.startsWith(`${name}=`));
    const value = field && unescapeText(word.slice(field.length + 1));
    if (field === undefined || value === undefined) throw new OpLogError(1, `not a header field: ${word}`);
    header[field] = value;
  }
  return header;
}

function parseLine(line: string, number: number): Op {
  try {
    return parseOp(line);
  } catch (error) {
    if (error instanceof OpSyntaxError) throw new OpLogError(number, error.message);
    throw error;
  }
}
