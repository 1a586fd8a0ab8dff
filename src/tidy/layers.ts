// Who may import whom.
//
//   src/     common < util < { memtable, wal, sst } < lsm < { index.ts, env.ts, formats.ts, level.ts, cli/ }; the three siblings do
//            not know each other, only cli/ may import index.ts and env.ts, and no package is imported but Node's own
//            (the command line may parse its arguments with commander, level.ts is written for abstract-level).
//   others   harness/, crashtests/, fuzz/, bench/: inside their own folder, and the package by its own name.
//            bench/micro/ measures internals and may import src/; harness/cli/ is where the command line joins the
//            campaigns, and may import crashtests/ and fuzz/.
//   tests    beside the code of src/: anything at their layer or below, and any package.

import { posix } from "node:path";

const RANKS: Record<string, number> = { common: 0, util: 1, memtable: 2, wal: 2, sst: 2, lsm: 3 };
const RANK_OF_ENTRY = 4;

const PACKAGES: Record<string, readonly string[]> = { cli: ["commander"], "level.ts": ["abstract-level"] };

const PUBLIC = new Set(["tinykv", "tinykv/env", "tinykv/formats", "tinykv/harness", "tinykv/level"]);

/** What is wrong with `file` importing `specifier`; undefined if nothing is. Paths are relative to the repository. */
export function layerViolation(file: string, specifier: string): string | undefined {
  const isRelative = specifier.startsWith(".");
  const target = isRelative ? posix.join(posix.dirname(file), specifier) : undefined;
  if (!file.startsWith("src/")) return outsideViolation(file, specifier, target);
  if (target === undefined) return packageViolation(file, specifier);
  if (!target.startsWith("src/")) return `src/ does not know ${target}`;
  return isTest(file) ? testViolation(file, target) : sourceViolation(file, target);
}

function outsideViolation(file: string, specifier: string, target: string | undefined): string | undefined {
  const folder = `${file.split("/")[0]}/`;
  if (target === undefined) {
    const isOwn = specifier === "tinykv" || specifier.startsWith("tinykv/");
    return isOwn && !PUBLIC.has(specifier) ? `${specifier} is not public` : undefined;
  }
  if (target.startsWith(folder)) return undefined;
  if (file.startsWith("bench/micro/") && target.startsWith("src/")) return undefined;
  const isCampaign = target.startsWith("crashtests/") || target.startsWith("fuzz/");
  if (file.startsWith("harness/cli/") && isCampaign) return undefined;
  return `${folder} imports other folders by the package's name, not ${target}`;
}

function packageViolation(file: string, specifier: string): string | undefined {
  if (specifier === "tinykv" || specifier.startsWith("tinykv/")) return `src/ does not import itself as ${specifier}`;
  if (specifier.startsWith("node:") || isTest(file)) return undefined;
  return PACKAGES[areaOf(file)]?.includes(specifier) ? undefined : `src/ does not depend on ${specifier}`;
}

function sourceViolation(file: string, target: string): string | undefined {
  const [from, to] = [areaOf(file), areaOf(target)];
  if (from === to || rankOf(to) < rankOf(from)) return undefined;
  if (from === "cli" && (to === "index.ts" || to === "env.ts")) return undefined;
  return `${from} does not know ${to}`;
}

function testViolation(file: string, target: string): string | undefined {
  const [from, to] = [areaOf(file), areaOf(target)];
  return rankOf(to) <= rankOf(from) ? undefined : `a test of ${from} does not know ${to}`;
}

/** A test, or what several tests share. */
export function isTest(file: string): boolean {
  return /(?:\.test(?:-support)?|-testing)\.ts$/.test(file);
}

/** The folder below src/, or the name of a file that stands in src/ itself. */
function areaOf(file: string): string {
  return file.split("/")[1]!;
}

function rankOf(area: string): number {
  return RANKS[area] ?? RANK_OF_ENTRY;
}
