// What is kept of a failure: one directory (artifact-files.ts), written before anything else is done with it, added to
// afterwards, never overwritten; report.html alone is written anew with each thing that is added.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type FailureFile, readFailure, readKept, type StoryFile } from "./artifact-files.ts";
import { commandLine } from "./command-line.ts";
import type { CrashStory } from "./crash/crash-story.ts";
import { printTrace } from "./disk/trace-file.ts";
import type { Trace } from "./disk/trace.ts";
import { OWN_ENGINE } from "./engine.ts";
import type { Finding } from "./finding.ts";
import { printOpLog, type OpLog } from "./op-log.ts";
import type { Op } from "./op.ts";
import { failurePage } from "./report/failure-page.ts";

/** Absolute path to contents; what the directories are follows from them, but for empty ones. */
export interface ImageFiles {
  readonly files: ReadonlyMap<string, { readonly bytes: Uint8Array }>;
  readonly directories: readonly string[];
}

export interface ArtifactParts {
  readonly image?: ImageFiles;
  readonly trace?: Trace;
  readonly shrunk?: Pick<Finding, "ops" | "config">;
  readonly story?: CrashStory;
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
  const { image, trace, shrunk, story, account, store, traceHash } = parts;
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
  const file =
    shrunk && writeShrunk(directory, printOpLog(logOf({ ...finding, ops: shrunk.ops, config: shrunk.config })));
  const log = file === undefined ? "ops.txt" : basename(file);
  if (story) write("story.json", () => `${JSON.stringify({ log, ...story } satisfies StoryFile)}\n`);
  writeReport(directory);
  return file;
}

/** Writes report.html, of what stands in the directory now. */
export function writeReport(directory: string): void {
  writeFileSync(join(directory, "report.html"), failurePage(readKept(directory)));
}

/** The command that runs an op log or an artifact again. */
export function replayCommand(path: string): string {
  return commandLine(["replay", path]);
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
