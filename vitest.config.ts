import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const TESTS = ["{src,harness,crashtests,fuzz,bench}/**/*.test.ts"];

// Tests that wait for threads, processes, clocks or each other's locks, and those that use both cores themselves.
const ALONE = [
  "src/lsm/thread/*.test.ts",
  "src/lsm/foreign-code.test.ts",
  "src/memtable/memtable-threads.test.ts",
  "src/util/{lock-file,worker-thread}.test.ts",
  "harness/cli/{,mutants/}*.test.ts",
  "harness/engines/**/*.test.ts",
  "crashtests/power-loss/two-threads.test.ts",
  "crashtests/{disk,kill,refused}/*.test.ts",
  "fuzz/run.test.ts",
  "bench/**/*.test.ts",
];

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
    projects: [
      {
        extends: true,
        test: { name: "two", include: TESTS, exclude: ALONE, maxWorkers: 2, sequence: { groupOrder: 0 } },
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
