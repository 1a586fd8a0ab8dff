// What was found stays: a directory of its own under the artifacts, and, once it is understood, one under fuzz/findings/.
// Both are run first from then on.
//
//   artifacts/fuzz-TARGET-HASH/        input.bin      as small as it gets
//                                      original.bin   as it was found
//                                      finding.json   target, problem, seed, stack, the command that runs it again
//                                      command.txt    that command alone
//                                      report.html    all of it as one page
//   fuzz/findings/fuzz-TARGET-HASH/    input.bin and finding.json, committed with the story of what it was
//   fuzz/corpus/TARGET/HASH            inputs that together take every branch that is known to be reachable

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "./instrument.ts";
import type { FindingFile } from "./finding-file.ts";
import { findingPage } from "./finding-page.ts";
import type { Found } from "./run.ts";

export const CORPUS: string = join(PACKAGE, "fuzz/corpus");
export const FINDINGS: string = join(PACKAGE, "fuzz/findings");

/** A finding and the input that shows it. */
export interface KeptFinding {
  readonly finding: FindingFile;
  readonly bytes: Uint8Array;
}

/** It is in every clone, and run before everything else. */
export const CORPUS_BYTES_MAX: number = 1 << 20;

const PREFIX = "fuzz-";
/** Digits of the SHA-256 of an input in its name: of a few hundred inputs no two share them. */
const HASH_DIGITS = 12;

export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, HASH_DIGITS);
}

/**
 * Keeps a finding below `root`; the directory. What is there already, found earlier with another seed, stays as it is.
 * `replay` makes the command of a directory.
 */
export function keepFinding(
  root: string,
  { target, problem }: Found,
  seed: string,
  replay: (path: string) => string,
): { readonly directory: string; readonly finding: FindingFile } {
  const directory = join(root, `${PREFIX}${target}-${hashOf(problem.bytes)}`);
  const earlier = readFinding(directory);
  if (earlier) return { directory, finding: earlier.finding };
  mkdirSync(directory, { recursive: true });
  const finding: FindingFile = {
    campaign: "fuzz",
    target,
    condition: "C22",
    problem: problem.problem,
    seed,
    executions: problem.executions,
    replay: replay(directory),
    ...(problem.stack !== undefined && { stack: problem.stack }),
  };
  writeFileSync(join(directory, "input.bin"), problem.bytes);
  writeFileSync(join(directory, "original.bin"), problem.original);
  writeFileSync(join(directory, "finding.json"), `${JSON.stringify(finding, undefined, 2)}\n`);
  writeFileSync(join(directory, "command.txt"), `${finding.replay}\n`);
  writeFileSync(join(directory, "report.html"), findingPage({ finding, ...problem }));
  return { directory, finding };
}

/** The finding in a directory; undefined if it is none of a fuzzer. */
export function readFinding(directory: string): KeptFinding | undefined {
  const file = join(directory, "finding.json");
  if (!existsSync(file)) return undefined;
  const finding = JSON.parse(readFileSync(file, "utf8")) as FindingFile;
  return { finding, bytes: readBytes(join(directory, "input.bin")) };
}

/** The findings of a target below `root`, by name. */
export function findingsIn(root: string, target: string): KeptFinding[] {
  return namesIn(root)
    .filter((name) => name.startsWith(`${PREFIX}${target}-`))
    .flatMap((name) => readFinding(join(root, name)) ?? [])
    .filter(({ finding }) => finding.target === target);
}

/** What runs of a target begin with: findings, committed and not, then the corpus. */
export function firstInputs(target: string, artifacts: string): Uint8Array[] {
  const findings = [...findingsIn(FINDINGS, target), ...findingsIn(artifacts, target)];
  return [...findings.map(({ bytes }) => bytes), ...corpusOf(target)];
}

export function corpusOf(target: string): Uint8Array[] {
  const folder = join(CORPUS, target);
  return namesIn(folder).map((name) => readBytes(join(folder, name)));
}

/** Puts these in place of the corpus of a target. */
export function replaceCorpus(target: string, inputs: readonly Uint8Array[]): void {
  const folder = join(CORPUS, target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const bytes of inputs) writeFileSync(join(folder, hashOf(bytes)), bytes);
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

// Not a Buffer of Node's pool: inputs cross from thread to thread.
function readBytes(file: string): Uint8Array {
  return Uint8Array.from(readFileSync(file));
}
