// What is kept of a failure: one directory, written before anything else is done with it, added to afterwards, never
// overwritten.
//
//   ops.txt        the op log, crash and faults in it
//   failure.json   condition, phase, message, op, keys, seed, config, the command that runs it again
//   command.txt    that command alone
//   store/         the store's directory, where there was a real one
//   shrunk.txt     the smallest log that fails in the same way
//   trace.txt      every call of it (disk/trace-file.ts)
//   image/         the disk that the crash left
//   account.txt    what happened, in plain words

import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { printTrace } from "./disk/trace-file.ts";
import type { Trace } from "./disk/trace.ts";
import { OWN_ENGINE } from "./engine.ts";
import type { Finding } from "./finding.ts";
import { parseOpLog, printOpLog, type OpLog } from "./op-log.ts";
import type { Op } from "./op.ts";

/** Absolute path to contents; what the directories are follows from them, but for empty ones. */
export interface ImageFiles {
  readonly files: ReadonlyMap<string, { readonly bytes: Uint8Array }>;
  readonly directories: readonly string[];
}

export interface ArtifactParts {
  readonly image?: ImageFiles;
  readonly trace?: Trace;
  readonly shrunk?: Pick<Finding, "ops" | "config">;
  readonly account?: readonly string[];
  /** A directory that is copied. */
  readonly store?: string;
  /** traceHash() of a run of ops.txt. */
  readonly traceHash?: string;
}

export interface ArtifactExtras extends ArtifactParts {
  /** What found it: the first word of the directory's name. */
  readonly campaign: string;
  /** What runs the whole search again. */
  readonly command: string;
  /** The operation during which it showed. */
  readonly op?: number;
}

/** failure.json. */
export interface FailureFile {
  readonly campaign: string;
  readonly condition: string;
  readonly phase: string;
  readonly message: string;
  readonly op?: number;
  readonly keys: Finding["keys"];
  readonly seed: string;
  readonly workload: string;
  readonly config: string;
  /** Runs ops.txt again. */
  readonly replay: string;
  /** Runs the whole search again. */
  readonly command: string;
  readonly stack?: string;
  readonly traceHash?: string;
}

/** A seed may be as long as its owner likes; a name may not. */
const NAME_SEED_MAX = 80;

/** Keeps a failure under `root`; the directory, a new one each time. */
export function writeArtifact(root: string, finding: Finding, extras: ArtifactExtras): string {
  const directory = newDirectory(root, finding, extras.campaign);
  writeFileSync(join(directory, "ops.txt"), printOpLog(logOf(finding)));
  writeFileSync(join(directory, "command.txt"), `${extras.command}\n`);
  const { campaign, command, op } = extras;
  const { condition, phase, message, keys, seed, workload, config, stack } = finding;
  const failure: FailureFile = {
    campaign,
    condition,
    phase,
    message,
    ...(op !== undefined && { op }),
    keys,
    seed,
    workload,
    config,
    replay: replayCommand(directory),
    command,
    ...(stack !== undefined && { stack }),
  };
  writeFileSync(join(directory, "failure.json"), printFailure(failure));
  addToArtifact(directory, finding, extras);
  return directory;
}

/**
 * Adds what was found out later; a part that is there already is not touched. Of logs made smaller there may be several:
 * gives the file of this one.
 */
export function addToArtifact(directory: string, finding: Finding, parts: ArtifactParts): string | undefined {
  const { image, trace, shrunk, account, store, traceHash } = parts;
  const write = (name: string, text: () => string): void => {
    const file = join(directory, name);
    if (!existsSync(file)) writeFileSync(file, text());
  };
  if (store !== undefined && existsSync(store)) {
    cpSync(store, join(directory, "store"), { recursive: true, force: false });
  }
  if (trace) write("trace.txt", () => printTrace(trace));
  if (account) write("account.txt", () => `${account.join("\n")}\n`);
  if (image && !existsSync(join(directory, "image"))) writeImage(join(directory, "image"), image);
  if (traceHash !== undefined) {
    writeFileSync(join(directory, "failure.json"), printFailure({ ...readFailure(directory)!, traceHash }));
  }
  return shrunk && writeShrunk(directory, printOpLog(logOf({ ...finding, ops: shrunk.ops, config: shrunk.config })));
}

/** The command that runs an op log or an artifact again. */
export function replayCommand(path: string): string {
  return `npx tinykv-harness replay ${path}`;
}

/** The op log at `path`; of an artifact directory ops.txt, with what is known of the failure. */
export function readArtifact(path: string): { readonly log: OpLog; readonly failure: FailureFile | undefined } {
  const isDirectory = statSync(path).isDirectory();
  const log = parseOpLog(readFileSync(isDirectory ? join(path, "ops.txt") : path, "utf8"));
  return { log, failure: isDirectory ? readFailure(path) : undefined };
}

/** The op log of a finding. */
export function logOf({ seed, workload, config, engine = OWN_ENGINE, ops }: FindingLog): OpLog {
  const header = { seed, workload, config, engine, versions: `node:${process.versions.node}` };
  return { header, ops: withRisingIds(ops) };
}

// Operations that a campaign put between others may have no ids of their own: then all get new ones, addresses too.
function withRisingIds(ops: readonly Op[]): readonly Op[] {
  if (ops.every(({ id }, i) => i === 0 || ops[i - 1]!.id < id)) return ops;
  const ids = new Map(ops.map(({ id }, i) => [id, i + 1]));
  return ops.map((op, i): Op => {
    if (op.kind !== "crash" || !op.at) return { ...op, id: i + 1 };
    return { ...op, id: i + 1, at: { ...op.at, op: ids.get(op.at.op) ?? op.at.op } };
  });
}

type FindingLog = Pick<Finding, "seed" | "workload" | "config" | "engine"> & { readonly ops: readonly Op[] };

function readFailure(directory: string): FailureFile | undefined {
  const file = join(directory, "failure.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as FailureFile) : undefined;
}

function printFailure(failure: FailureFile): string {
  return `${JSON.stringify(failure, undefined, 2)}\n`;
}

function newDirectory(root: string, { seed, condition }: Finding, campaign: string): string {
  mkdirSync(root, { recursive: true });
  const name = `${campaign}-${seed.replaceAll(/[^\w.-]/g, "-").slice(0, NAME_SEED_MAX)}-${condition}`;
  for (let n = 1; ; n++) {
    const directory = join(root, n === 1 ? name : `${name}-${n}`);
    try {
      mkdirSync(directory);
      return directory;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function writeShrunk(directory: string, text: string): string {
  for (let n = 1; ; n++) {
    const file = join(directory, n === 1 ? "shrunk.txt" : `shrunk-${n}.txt`);
    const isFree = !existsSync(file);
    if (isFree) writeFileSync(file, text);
    if (isFree || readFileSync(file, "utf8") === text) return file;
  }
}

function writeImage(root: string, { files, directories }: ImageFiles): void {
  for (const directory of ["/", ...directories]) mkdirSync(join(root, directory), { recursive: true });
  for (const [path, { bytes }] of files) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}
