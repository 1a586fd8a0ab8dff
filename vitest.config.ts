import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

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
    include: ["{src,harness,crashtests,fuzz,bench}/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
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
