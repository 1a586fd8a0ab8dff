// A second decoder that shares code with the first shares its bugs.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const ALLOWED = new Set(["node:zlib", "node:crypto", "seedrandom"]);

function importsOf(file: URL): string[] {
  return [...readFileSync(file, "utf8").matchAll(/(?<!\.)\b(?:from|import|require)\s*\(?\s*"([^"]+)"/g)].map(
    (match) => match[1]!,
  );
}

function reach(file: URL, seen: Map<string, string[]>): void {
  if (seen.has(file.pathname)) return;
  const imports = importsOf(file);
  seen.set(file.pathname, imports);
  for (const name of imports) if (name.startsWith(".")) reach(new URL(name, file), seen);
}

test("no file of the inspector reaches the engine, its sources or its package", () => {
  const inspector = new URL(".", import.meta.url);
  const harness = new URL("..", import.meta.url);
  const all = readdirSync(inspector, { recursive: true, encoding: "utf8" });
  const roots = all.filter((name) => /(?<!\.test|\.test-support)\.ts$/.test(name));
  const seen = new Map<string, string[]>();
  for (const root of roots) reach(new URL(root, inspector), seen);
  expect(roots.length).toBeGreaterThan(30);
  for (const [file, imports] of seen) {
    expect(file.startsWith(harness.pathname), file).toBe(true);
    expect(imports.filter((name) => !name.startsWith(".") && !ALLOWED.has(name))).toEqual([]);
  }
});
