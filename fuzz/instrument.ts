// A copy of the built package in which the decoders count their branches. istanbul-lib-instrument says where branches are;
// its counters, objects behind a function call, are replaced by one typed array for all modules: an execution takes a few
// microseconds, and so must looking at it.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeScratch } from "tinykv/harness";
import { COUNTERS } from "./coverage.ts";

/** One way out of a decision. */
export interface Branch {
  /** The module's path below dist/, without extension. */
  readonly module: string;
  /** "if", "cond-expr", "binary-expr", "switch", "default-arg". */
  readonly kind: string;
  /** Which of the ways, from 0. */
  readonly arm: number;
  /** Where the decision stands in the built module, and the text of that line. */
  readonly line: number;
  readonly text: string;
}

export interface InstrumentedCopy {
  /** The root of the copied package. */
  readonly root: string;
  /** By number. */
  readonly branches: readonly Branch[];
  remove(): void;
}

interface Location {
  readonly start: { readonly line: number };
}

interface FileCoverage {
  readonly branchMap: Readonly<
    Record<string, { readonly type: string; readonly loc: Location; readonly locations: readonly Location[] }>
  >;
}

interface Instrumenter {
  instrumentSync(code: string, path: string): string;
  lastFileCoverage(): FileCoverage;
}

interface InstrumentLibrary {
  createInstrumenter(options: Readonly<Record<string, unknown>>): Instrumenter;
}

/** The root of this package, from its sources or from dist/. */
export const PACKAGE: string = fileURLToPath(new URL("../", import.meta.url)).replace(/\/dist\/$/, "/");

/** What the copy consists of: everything built but tests. */
const FOLDERS = ["src", "harness", "fuzz"];

/** Copies dist/ to a temporary directory, with branch counters in `modules` (paths below dist/, without extension). */
export function copyInstrumented(modules: readonly string[]): InstrumentedCopy {
  const root = makeScratch("tinykv-fuzz-", tmpdir());
  for (const folder of FOLDERS) {
    const filter = (path: string): boolean => !/\.(?:map|d\.ts)$|\.test\.js$/.test(path);
    cpSync(join(PACKAGE, "dist", folder), join(root, "dist", folder), { recursive: true, filter });
  }
  cpSync(join(PACKAGE, "package.json"), join(root, "package.json"));
  linkDependencies(root);
  const branches: Branch[] = [];
  const library = createRequire(import.meta.url)("istanbul-lib-instrument") as InstrumentLibrary;
  for (const module of [...new Set(modules)].sort()) {
    const file = join(root, "dist", `${module}.js`);
    writeFileSync(file, instrument(library, readFileSync(file, "utf8"), module, branches));
  }
  return { root, branches, remove: () => rmSync(root, { recursive: true, force: true }) };
}

// Instrumented code; `branches` gets the module's own.
function instrument(library: InstrumentLibrary, code: string, module: string, branches: Branch[]): string {
  const instrumenter = library.createInstrumenter({ esModules: true, compact: false, produceSourceMap: false });
  const instrumented = instrumenter.instrumentSync(code, `${module}.js`);
  const lines = code.split("\n");
  const firsts = new Map<string, number>();
  for (const [id, { type, loc, locations }] of Object.entries(instrumenter.lastFileCoverage().branchMap)) {
    firsts.set(id, branches.length);
    const { line } = loc.start;
    for (const arm of locations.keys()) branches.push({ module, kind: type, arm, line, text: lines[line - 1]!.trim() });
  }
  const counted = instrumented
    .replaceAll(
      /\bcov_\w+\(\)\.b\[(\d+)\]\[(\d+)\]\+\+/g,
      (_, id: string, arm: string) => `__b[${firsts.get(id)! + Number(arm)}]++`,
    )
    .replaceAll(/\bcov_\w+\(\)\.[sf]\[\d+\]\+\+/g, "0")
    .replaceAll(/^cov_\w+\(\);$/gm, "");
  if (/\bcov_\w+\(\)\./.test(counted)) throw new Error(`${module} has a counter of a kind that is not known`);
  return `const __b = globalThis.${COUNTERS};\n${counted}`;
}

/** A copy finds the dependencies of the package where that finds them. */
export function linkDependencies(root: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  mkdirSync(join(root, "node_modules"));
  for (const name of Object.keys(dependencies)) {
    for (let at = PACKAGE; at !== dirname(at); at = dirname(at)) {
      const found = join(at, "node_modules", name);
      if (!existsSync(found)) continue;
      symlinkSync(found, join(root, "node_modules", name), "junction");
      break;
    }
  }
}
