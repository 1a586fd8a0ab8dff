// The house rules that no linter checks, on every TypeScript file of the repository (src/tidy/ has the rules).

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findCycles, importsOf, resolveImport } from "./tidy/imports.ts";
import { isTest, layerViolation } from "./tidy/layers.ts";
import {
  countLiterals,
  exportViolations,
  nullViolations,
  sizeViolations,
  worldViolations,
  type Violation,
} from "./tidy/rules.ts";
import { tokenize, type Token } from "./tidy/scanner.ts";
import { BARRIERS } from "./util/env.ts";

interface Source {
  readonly path: string;
  readonly text: string;
  readonly tokens: Token[];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const folders = ["src", "harness", "crashtests", "fuzz", "bench"].filter((folder) => existsSync(`${root}${folder}`));
const sources: Source[] = folders.flatMap(readSources);
const code = sources.filter(({ path }) => path.startsWith("src/") && !isTest(path));

function readSources(folder: string): Source[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts") && !path.includes("node_modules/"))
    .map((path) => {
      const text = readFileSync(`${root}${path}`, "utf8");
      return { path, text, tokens: scan(path, text) };
    });
}

function scan(path: string, text: string): Token[] {
  try {
    return tokenize(text);
  } catch (error) {
    throw new Error(`${path} cannot be scanned`, { cause: error });
  }
}

function report(files: readonly Source[], rule: (source: Source) => Violation[]): string[] {
  return files.flatMap((source) => rule(source).map(({ line, problem }) => `${source.path}:${line}: ${problem}`));
}

function targetsOf({ path, tokens }: Source): string[] {
  return importsOf(tokens).flatMap(({ specifier }) => resolveImport(path, specifier) ?? []);
}

test("no file is longer than 400 lines, no function longer than 60", () => {
  expect(report(sources, ({ text, tokens }) => sizeViolations(text, tokens))).toEqual([]);
});

test("imports point down, and the harness and the campaigns use what users can import", () => {
  const violations = report(sources, ({ path, tokens }) =>
    importsOf(tokens).flatMap(({ specifier, line }) => {
      const problem = layerViolation(path, specifier);
      return problem === undefined ? [] : [{ line, problem }];
    }),
  );
  expect(violations).toEqual([]);
});

test("no file imports itself through others, types included", () => {
  const graph = new Map(sources.map((source) => [source.path, targetsOf(source)]));
  expect(findCycles(graph).map((cycle) => cycle.join(" > "))).toEqual([]);
});

test("nothing in src/ but Env and the command line knows time, chance, timers or files", () => {
  const inside = code.filter(({ path }) => !path.startsWith("src/util/") && !path.startsWith("src/cli/"));
  expect(report(inside, ({ tokens }) => worldViolations(tokens))).toEqual([]);
});

test("each barrier stands at exactly one place in src/", () => {
  const places = code.filter(({ path }) => path !== "src/util/env.ts").flatMap(({ tokens }) => tokens);
  const counts = countLiterals(places, BARRIERS);
  expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
});

test("there is no default export and no export *", () => {
  expect(report(sources, ({ tokens }) => exportViolations(tokens))).toEqual([]);
});

test("src/ has no null", () => {
  expect(report(code, ({ tokens }) => nullViolations(tokens))).toEqual([]);
});
