import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const TESTS = ["{src,harness,crashtests,fuzz,bench}/**/*.test.ts"];

// Tests that wait for threads, clocks or each other's locks, and those that use both cores themselves.
const ALONE = [
  "src/lsm/thread/*.test.ts",
  "src/lsm/foreign-code.test.ts",
  "src/memtable/memtable-threads.test.ts",
  "src/util/{lock-file,worker-thread}.test.ts",
  "harness/cli/{fuzz,kill,torture-driver,torture-mutant,watchdog}.test.ts",
  "harness/cli/mutants/{awake-clock,hunt}.test.ts",
  "harness/engines/**/*.test.ts",
  "crashtests/power-loss/two-threads.test.ts",
  "crashtests/{disk,kill,refused}/*.test.ts",
  "fuzz/run.test.ts",
  "bench/{bench,contest,measure,regress}{/**/*,}.test.ts",
];

// Many short files that start no process and change nothing outside of themselves: one process runs one after the other,
// and the modules that all of them import are loaded once.
const UNITS = ["src/**/*.test.ts", "harness/{disk,inspector}/*.test.ts"];

// Begun first, so that no core is without work at the end. The longest first.
const LONG = [
  "crashtests/repair/crash-images",
  "crashtests/faults/faults",
  "crashtests/rot/rot",
  "crashtests/repair/seeded-damage",
  "harness/cli/cli",
  "harness/cli/self-check/self-check",
  "crashtests/inspector/edges",
  "harness/cli/engines",
  "crashtests/power-loss/campaign",
  "fuzz/corpus",
  "crashtests/repair/damaged-files",
  "crashtests/power-loss/foreign",
  "crashtests/power-loss/cells",
  "crashtests/power-loss/cheating-engines",
  "harness/cli/meta",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

// Tests run the sources; the harness imports the package by its own name, so the name is mapped to the sources too.
// Worker threads and child processes start from dist/, which `npm test` builds first.
const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^tinykv$/, replacement: here("./src/index.ts") },
      { find: /^tinykv\/env$/, replacement: here("./src/env.ts") },
      { find: /^tinykv\/formats$/, replacement: here("./src/formats.ts") },
      { find: /^tinykv\/harness$/, replacement: here("./harness/index.ts") },
    ],
  },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "units",
          include: UNITS,
          exclude: ALONE,
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "two",
          include: TESTS,
          exclude: [...ALONE, ...UNITS],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    coverage: {
      thresholds: { lines: 92 },
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/**/*.test.ts", "src/**/*.test-support.ts", "src/**/*-testing.ts", "src/**/testdata/**"],
      reporter: ["text-summary", "json-summary", "text"],
    },
  },
});

export default config;
