// Opening one file of a store, and telling what is wrong with it: for the commands that take a file.

import { basename, dirname } from "node:path";
import { CorruptionError, TinyKVError, errnoOf, invalidArgument } from "../common/errors.ts";
import { Kind } from "../common/internal-key.ts";
import { parseFileName } from "../lsm/file-names.ts";
import { notA } from "../lsm/survey.ts";
import { CheckedEnv } from "../util/checked-env.ts";
import type { Env, FileHandle } from "../util/env.ts";
import { nodeEnv } from "../util/node-env.ts";
import type { GlobalOptions } from "./command-context.ts";
import { jsonField, readable } from "./encoding.ts";
import { printError, printLine } from "./terminal.ts";

/** A file that a command was given, opened for reading. */
export interface GivenFile {
  readonly env: Env;
  readonly file: FileHandle;
  /** Its name inside its directory. */
  readonly name: string;
  readonly directory: string;
  readonly number: number;
}

/** Throws INVALID_ARGUMENT for another kind of name, DOES_NOT_EXIST, CORRUPTION for what is no file, IO_ERROR. */
export function withFile<T>(path: string, kind: "table" | "log" | "manifest", look: (given: GivenFile) => T): T {
  const name = basename(path);
  const parsed = parseFileName(name);
  if (parsed.kind !== kind) throw invalidArgument(`${name} is not the name of a ${kind}`);
  const env = new CheckedEnv(nodeEnv);
  let file: FileHandle;
  try {
    const stat = env.stat(path);
    if (stat.kind !== "file") throw new CorruptionError(name, 0, notA("file", stat));
    file = env.open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} does not exist`, error);
    throw error;
  }
  try {
    return look({ env, file, name, directory: dirname(path), number: parsed.number });
  } finally {
    file.close();
  }
}

/** Damage: one line on standard error, and with --json an object among the others. */
export function tellProblem({ json }: GlobalOptions, file: string, problem: DamagedRange): void {
  const { offset, length } = problem;
  if (json) printLine(JSON.stringify({ problem: problem.problem, offset, length, file }));
  const extent = length > 0 ? ` (${length} bytes)` : "";
  printError(`tinykv: CORRUPTION: ${file} at ${offset}: ${problem.problem}${extent}`);
}

export interface DamagedRange {
  readonly offset: number;
  readonly length: number;
  readonly problem: string;
}

const KIND_NAMES = { [Kind.put]: "put", [Kind.delete]: "delete", [Kind.deleteRange]: "deleteRange" } as const;

/** One operation as a line; `place` is added to its JSON alone. Of a range delete, the value is its end. */
export function operationLine(
  { json, hex }: GlobalOptions,
  sequence: number,
  kind: Kind,
  key: Uint8Array,
  value: Uint8Array,
  place: object = {},
): string {
  const name = KIND_NAMES[kind];
  if (!json)
    return `${sequence}\t${name}\t${readable(key, hex)}${kind === Kind.delete ? "" : `\t${readable(value, hex)}`}`;
  const fields = kind === Kind.delete ? {} : jsonField(kind === Kind.put ? "value" : "end", value, hex);
  return JSON.stringify({ sequence, kind: name, ...jsonField("key", key, hex), ...fields, ...place });
}

/** Byte arrays as text; everything else as it is. */
export function presentable(value: unknown, hex: boolean): unknown {
  if (value instanceof Uint8Array) return readable(value, hex);
  if (Array.isArray(value)) return value.map((item) => presentable(item, hex));
  if (!(value instanceof Object)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, presentable(inner, hex)]));
}
