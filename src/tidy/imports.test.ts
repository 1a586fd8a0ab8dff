import { expect, test } from "vitest";
import { findCycles, importsOf, resolveImport } from "./imports.ts";
import { layerViolation } from "./layers.ts";
import { tokenize } from "./scanner.ts";

test("every form of import and re-export is found, types included", () => {
  const text = `import "./a.ts";
    import b from "./b.ts"; import * as c from './c.ts'; import type { D } from "./d.ts";
    import { type E,
      from } from "./e.ts";
    export { f } from "./f.ts"; export type { G } from "./g.ts"; export * from "./h.ts";
    const i = await import("./i.ts"); type J = import("./j.ts").J;`;
  expect(
    importsOf(tokenize(text))
      .map(({ specifier }) => specifier[2])
      .join(""),
  ).toBe("abcdefghij");
  expect(importsOf(tokenize(text)).find(({ specifier }) => specifier === "./e.ts")?.line).toBe(4);
});

test("what only mentions a file imports nothing", () => {
  const text = `// import "./a.ts"
    const a = 'import "./b.ts"'; Array.from("./c.ts"); new URL("./d.ts", import.meta.url); const from = "./e.ts";`;
  expect(importsOf(tokenize(text))).toEqual([]);
});

test("specifiers resolve to files of the repository", () => {
  expect(resolveImport("src/lsm/store.ts", "../util/env.ts")).toBe("src/util/env.ts");
  expect(resolveImport("harness/cli/run.ts", "tinykv")).toBe("src/index.ts");
  expect(resolveImport("fuzz/all.ts", "tinykv/harness")).toBe("harness/index.ts");
  expect(resolveImport("src/lsm/store.ts", "node:zlib")).toBeUndefined();
});

test("imports that the architecture allows pass", () => {
  const allowed = [
    ["src/common/bytes.ts", "./errors.ts"],
    ["src/common/crc32.ts", "node:zlib"],
    ["src/sst/table-reader.ts", "../util/env.ts"],
    ["src/lsm/store.ts", "../memtable/memtable.ts"],
    ["src/index.ts", "./lsm/store.ts"],
    ["src/cli/main.ts", "../index.ts"],
    ["src/cli/main.ts", "commander"],
    ["src/level.ts", "abstract-level"],
    ["src/sst/table.test.ts", "../wal/log-reader.ts"],
    ["src/sst/table.test.ts", "fast-check"],
    ["harness/model.ts", "./op.ts"],
    ["harness/runner.ts", "tinykv"],
    ["harness/disk.ts", "tinykv/env"],
    ["harness/cli/kill.ts", "../../crashtests/kill/run.ts"],
    ["fuzz/all.ts", "tinykv/harness"],
    ["crashtests/kill/run.ts", "execa"],
    ["bench/micro/crc.ts", "../../src/common/crc32.ts"],
    ["src/tidy.test.ts", "./tidy/rules.ts"],
  ] as const;
  for (const [file, specifier] of allowed) expect([file, layerViolation(file, specifier)]).toEqual([file, undefined]);
});

test("imports that the architecture forbids do not", () => {
  const forbidden = [
    ["src/common/bytes.ts", "../util/env.ts"],
    ["src/util/env.ts", "../wal/log-format.ts"],
    ["src/memtable/memtable.ts", "../wal/log-writer.ts"],
    ["src/wal/log-writer.ts", "../sst/table-format.ts"],
    ["src/sst/table-reader.ts", "../lsm/options.ts"],
    ["src/lsm/store.ts", "../index.ts"],
    ["src/lsm/store.ts", "../env.ts"],
    ["src/level.ts", "./index.ts"],
    ["src/index.ts", "./cli/main.ts"],
    ["src/lsm/store.ts", "tinykv"],
    ["src/lsm/store.test.ts", "tinykv/harness"],
    ["src/lsm/store.ts", "commander"],
    ["src/lsm/store.ts", "vitest"],
    ["src/lsm/store.ts", "../../harness/model.ts"],
    ["src/lsm/store.test.ts", "../index.ts"],
    ["src/wal/log.test.ts", "../lsm/store.ts"],
    ["harness/model.ts", "../src/common/bytes.ts"],
    ["harness/model.ts", "tinykv/dist/src/index.js"],
    ["harness/runner.ts", "../crashtests/kill/run.ts"],
    ["harness/cli/bench.ts", "../../bench/micro/crc.ts"],
    ["crashtests/kill/run.ts", "../../harness/model.ts"],
    ["bench/workloads/fill.ts", "../../src/index.ts"],
  ] as const;
  for (const [file, specifier] of forbidden) {
    expect([file, specifier, layerViolation(file, specifier)]).toEqual([file, specifier, expect.any(String)]);
  }
});

test("cycles are found, long ones and short ones, and nothing else", () => {
  const graph = new Map(
    Object.entries({ a: ["b", "gone"], b: ["c"], c: ["a", "d"], d: [], e: ["e"], f: ["d", "c"], g: ["f", "d"] }),
  );
  expect(findCycles(graph)).toEqual([["a", "b", "c"], ["e"]]);
});
