// What stores of campaigns are like: operations of every kind, caches that miss, logs that rotate; and what the harness must
// not share with the engine.

import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { open, type Options, type Stats } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { CONFIGURATIONS, parseConfiguration } from "../../configurations.ts";
import { inspectDirectory } from "../../engines/directory-check.ts";
import { type Op, OP_KINDS } from "../../op.ts";
import { WORKLOADS } from "../../workloads/mixes.ts";
import { generate, hashOfRun } from "../../workloads/workload.ts";
import type { Check } from "./check.ts";

const HARNESS = new URL("../../", import.meta.url);
const HASHES = fileURLToPath(new URL("workloads/hashes.json", HARNESS)).replace(/\/dist\/harness\//, "/harness/");
/** As long as those of the file. */
const HASHED_OPS = 500;
const HASHED_SEEDS = 2;

function hashesProblem(): string | undefined {
  const hashes = JSON.parse(readFileSync(HASHES, "utf8")) as Readonly<Record<string, readonly string[]>>;
  for (const workload of WORKLOADS) {
    for (let seed = 1; seed <= HASHED_SEEDS; seed++) {
      if (hashOfRun(workload, String(seed), HASHED_OPS) !== hashes[workload]?.[seed - 1])
        return `${workload} with seed ${seed} makes other operations than it did`;
    }
  }
  return undefined;
}

function kindsProblem(): string | undefined {
  const drawn = new Set<Op["kind"]>();
  for (const workload of WORKLOADS)
    for (const op of generate({ workload, seed: "kinds", ops: 1000 })) drawn.add(op.kind);
  const missing = OP_KINDS.filter((kind) => !drawn.has(kind));
  return missing.length === 0 ? undefined : `never drawn: ${missing.join(", ")}`;
}

/** What must come to pass under the configuration that others are made of. */
const PASSES: readonly (readonly [what: string, count: (stats: Stats) => number])[] = [
  ["the cache misses", ({ cache }) => cache.misses],
  ["the cache evicts", ({ cache }) => cache.evictions],
  ["memtables are flushed", ({ flushes }) => flushes],
  ["levels are compacted", ({ compactions }) => compactions],
  ["entries are dropped", ({ entriesDropped }) => entriesDropped],
  ["a log waits for its next life", ({ logs }) => (logs.waiting ? 1 : 0)],
];

const ENTRIES = 6000;
const VALUE_BYTES = 100;

function configurationsProblem(): string | undefined {
  const { manifest, stats } = usedStore("small");
  for (const [what, count] of PASSES) if (count(stats) === 0) return `under "small" it never happens that ${what}`;
  if (manifest < 2) return `under "small" the manifest is never written anew`;
  const names = CONFIGURATIONS.map(({ name }) => name);
  for (const name of ["recycle-off", "cache-0", "bloom-0", "manual", "paranoid", "least", "memory", "thread"])
    if (!names.includes(name)) return `no configuration is named ${name}`;
  return undefined;
}

function usedStore(config: string): { stats: Stats; manifest: number } {
  const options = parseConfiguration(config).options as Options;
  let manifest = 0;
  const listeners = { manifestCreated: (): void => void manifest++ };
  const db = open("/store", { ...options, env: new MemoryEnv(), listeners });
  for (let n = 0; n < ENTRIES; n++) db.put(`k${(n * 7919) % 700}`, String(n).repeat(VALUE_BYTES).slice(0, VALUE_BYTES));
  for (let n = 0; n < 700; n++) db.get(`k${n}`);
  const stats = db.stats();
  db.close();
  return { stats, manifest };
}

function orphansProblem(): string | undefined {
  const env = new MemoryEnv();
  const db = open("/store", { env, background: "manual" });
  db.put("a", "1");
  db.flush();
  const before = inspectDirectory(env, db)[0];
  if (before !== undefined) return `a sound store is blamed: ${before}`;
  for (const name of ["000900.sst", "000900.log", "MANIFEST-000900", "nothing"]) {
    env.open(`/store/${name}`, "wx").close();
    if (inspectDirectory(env, db).length === 0) return `nothing is said of ${name}`;
    env.unlink(`/store/${name}`);
  }
  db.close();
  return undefined;
}

/** Modules that judge, and whatever they import. */
const JUDGES = [
  "model",
  "oracle",
  "values",
  "recovered",
  "diagnosis",
  "compare",
  "inspector/store-judge",
  "inspector/canonical-image",
];

function independenceProblem(): string | undefined {
  const seen = new Set<string>();
  const visit = (module: string): string | undefined => {
    if (seen.has(module)) return undefined;
    seen.add(module);
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    const code = readFileSync(new URL(module + extension, HARNESS), "utf8");
    for (const [, specifier] of code.matchAll(/^(?:import|export) (?!type )[^;"]*\bfrom "([^"]+)"/gm)) {
      if (specifier!.startsWith("tinykv") || specifier!.includes("/src/")) return `${module} uses ${specifier}`;
      if (!specifier!.startsWith(".")) continue;
      const problem = visit(posix.join(posix.dirname(module), specifier!.replace(/\.[jt]s$/, "")));
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  return JUDGES.map(visit).find((problem) => problem !== undefined);
}

export const WORLD_CHECKS: readonly Check[] = [
  { group: "workloads", law: "a workload and a seed give the operations they always gave", run: hashesProblem },
  { group: "workloads", law: "every kind of operation is drawn", run: kindsProblem },
  { group: "configurations", law: "small stores do what large ones do", run: configurationsProblem },
  { group: "inspector", law: "what stands in a directory for no reason is seen", run: orphansProblem },
  { group: "independence", law: "what judges the engine shares no code with it", run: independenceProblem },
];
