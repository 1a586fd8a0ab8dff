import { posix } from "node:path";
import type { Token } from "./scanner.ts";

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** What a file names: import and export … from, for types too, and import(…) of a literal. */
export function importsOf(tokens: readonly Token[]): Import[] {
  const imports: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || tokens[index - 1]?.text === ".") continue;
    const named = token.text === "import" ? importedAt(tokens, index) : undefined;
    const from = token.text === "from" && tokens[index + 1]?.kind === "string" ? tokens[index + 1] : undefined;
    const source = named ?? from;
    if (source !== undefined) imports.push({ specifier: source.text, line: source.line });
  }
  return imports;
}

// import "x" and import("x"); for the others `from` is found.
function importedAt(tokens: readonly Token[], index: number): Token | undefined {
  const next = tokens[index + 1]?.text === "(" ? tokens[index + 2] : tokens[index + 1];
  return next?.kind === "string" ? next : undefined;
}

/** The package's own names, as the exports map of package.json resolves them. */
const OWN_NAMES: Record<string, string> = {
  tinykv: "src/index.ts",
  "tinykv/env": "src/env.ts",
  "tinykv/formats": "src/formats.ts",
  "tinykv/level": "src/level.ts",
  "tinykv/harness": "harness/index.ts",
};

/** The path in the repository that `specifier` means in `file`; undefined for other packages and modules of Node. */
export function resolveImport(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(file), specifier);
  return OWN_NAMES[specifier];
}

/** Cycles among files, each as the list of its files; at least one for each knot of files that import each other. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const path: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push(path.slice(start));
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}
