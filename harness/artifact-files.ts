// What stands in an artifact directory, and how it is read again.
//
//   ops.txt        the op log, crash and faults in it
//   failure.json   condition, phase, message, op, keys, seed, config, the command that runs it again
//   command.txt    that command alone
//   store/         the store's directory, where there was a real one
//   shrunk.txt     the smallest log that fails in the same way
//   trace.txt      every call of it (disk/trace-file.ts)
//   image/         the disk that the crash left
//   story.json     what it did, life by life (crash/crash-story.ts)
//   account.txt    the same in plain words
//   report.html    all of it as one page (report/)

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { CrashStory } from "./crash/crash-story.ts";
import { parseTrace } from "./disk/trace-file.ts";
import type { Trace } from "./disk/trace.ts";
import type { Finding } from "./finding.ts";
import { parseHeader, parseOpLog, type OpLog, type OpLogHeader } from "./op-log.ts";

/** failure.json. */
export interface FailureFile {
  readonly campaign: string;
  readonly condition: Finding["condition"];
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

/** story.json. */
export interface StoryFile extends CrashStory {
  /** The file with the operations that it is about. */
  readonly log: string;
}

export interface KeptFile {
  readonly size: number;
  /** Of CURRENT and manifests alone: a store may be large. */
  readonly bytes?: Uint8Array;
}

/** All that is kept of a failure. */
export interface KeptFailure {
  readonly failure: FailureFile;
  readonly header: OpLogHeader;
  /** The operations of ops.txt, line by line: it may be too long to be parsed for a page. */
  readonly lines: readonly string[];
  readonly shrunk?: OpLog;
  readonly trace?: Trace;
  readonly story?: StoryFile;
  /** The operations that the story is about. */
  readonly told?: OpLog;
  readonly account?: readonly string[];
  /** The files below image/, or where there is none below store/, by their absolute paths on that disk. */
  readonly files?: ReadonlyMap<string, KeptFile>;
  /** What stands in the directory. */
  readonly names: readonly string[];
}

/** The op log at `path`; of an artifact directory ops.txt, with what is known of the failure. */
export function readArtifact(path: string): { readonly log: OpLog; readonly failure: FailureFile | undefined } {
  const isDirectory = statSync(path).isDirectory();
  const log = parseOpLog(readFileSync(isDirectory ? join(path, "ops.txt") : path, "utf8"));
  return { log, failure: isDirectory ? readFailure(path) : undefined };
}

export function readFailure(directory: string): FailureFile | undefined {
  const text = textOf(directory, "failure.json");
  return text === undefined ? undefined : (JSON.parse(text) as FailureFile);
}

/** Of a directory that writeArtifact() made. */
export function readKept(directory: string): KeptFailure {
  const [ops, shrunk, trace, account] = ["ops.txt", "shrunk.txt", "trace.txt", "account.txt"].map((name) =>
    textOf(directory, name),
  );
  const story = readStory(directory);
  const root = ["image", "store"].find((name) => existsSync(join(directory, name)));
  const [header = "", ...lines] = linesOf(ops ?? "");
  return {
    failure: readFailure(directory)!,
    header: parseHeader(header),
    lines: lines.filter((line) => !line.startsWith("#")),
    ...(shrunk !== undefined && { shrunk: parseOpLog(shrunk) }),
    ...(trace !== undefined && { trace: parseTrace(trace) }),
    ...(story && { story, told: parseOpLog(textOf(directory, story.log) ?? "") }),
    ...(account !== undefined && { account: linesOf(account) }),
    ...(root !== undefined && { files: filesBelow(join(directory, root)) }),
    names: readdirSync(directory).sort(),
  };
}

function readStory(directory: string): StoryFile | undefined {
  const text = textOf(directory, "story.json");
  return text === undefined ? undefined : (JSON.parse(text) as StoryFile);
}

function textOf(directory: string, name: string): string | undefined {
  const file = join(directory, name);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function filesBelow(root: string): Map<string, KeptFile> {
  const files = new Map<string, KeptFile>();
  for (const name of readdirSync(root, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(root, name);
    const stat = statSync(path);
    if (!stat.isFile()) continue;
    const isWanted = /^(?:CURRENT|MANIFEST-\d+)$/.test(basename(name));
    files.set(`/${name}`, { size: stat.size, ...(isWanted && { bytes: readFileSync(path) }) });
  }
  return files;
}
