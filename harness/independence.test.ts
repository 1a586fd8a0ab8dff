// A model that shares code with what it judges shares its bugs.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const ALLOWED = new Set(["node:zlib", "node:assert", "node:crypto", "seedrandom"]);

/** The imports of a file of the harness and, through them, of all it reaches inside the harness. */
function reach(file: URL, seen: Map<string, string[]> = new Map()): Map<string, string[]> {
  if (seen.has(file.pathname)) return seen;
  const imports = [...readFileSync(file, "utf8").matchAll(/^(?:import .*|export .*|\} )from "([^"]+)";$/gm)].map(
    (match) => match[1]!,
  );
  seen.set(file.pathname, imports);
  for (const name of imports) if (name.startsWith(".")) reach(new URL(name, file), seen);
  return seen;
}

test("model, oracle, workloads and op logs reach nothing of the engine", () => {
  const harness = new URL(".", import.meta.url);
  for (const root of ["oracle.ts", "model.ts", "op-log.ts", "workloads/workload.ts", "configurations.ts"]) {
    for (const [file, imports] of reach(new URL(root, harness))) {
      expect(file.startsWith(harness.pathname)).toBe(true);
      expect(imports.filter((name) => !name.startsWith(".") && !ALLOWED.has(name))).toEqual([]);
    }
  }
  expect(reach(new URL("oracle.ts", harness)).size).toBeGreaterThan(8);
});
