// The rules that look at one file alone. Each returns what is wrong, with the line.

import { functionsOf } from "./functions.ts";
import { importsOf } from "./imports.ts";
import type { Token } from "./scanner.ts";

/** A file longer than this has two subjects. */
export const FILE_LINES_MAX = 400;
/** A function longer than this cannot be seen at once. */
export const FUNCTION_LINES_MAX = 60;

export interface Violation {
  readonly line: number;
  readonly problem: string;
}

/** Names of what makes a run depend on more than its inputs: only Env may use them, and the command line. */
const WORLD = new Set(
  "Date setTimeout setInterval setImmediate queueMicrotask FinalizationRegistry WeakRef Intl localeCompare".split(" "),
);
/** The same, where they stand for the global or the module and not for somebody's property. */
const WORLD_UNLESS_PROPERTY = new Set(["performance", "crypto", "os"]);
const WORLD_MEMBERS = new Set(["Math.random", "process.hrtime"]);
const WORLD_MODULES = /^(?:node:)?(?:fs|os|crypto|timers|perf_hooks)(?:\/|$)/;

export function sizeViolations(text: string, tokens: readonly Token[]): Violation[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const file = lines > FILE_LINES_MAX ? [{ line: 1, problem: `a file of ${lines} lines` }] : [];
  const long = functionsOf(tokens).filter((span) => span.lines > FUNCTION_LINES_MAX);
  return [...file, ...long.map((span) => ({ line: span.line, problem: `a function of ${span.lines} lines` }))];
}

export function worldViolations(tokens: readonly Token[]): Violation[] {
  const found: Violation[] = importsOf(tokens)
    .filter(({ specifier }) => WORLD_MODULES.test(specifier))
    .map(({ specifier, line }) => ({ line, problem: `${specifier} outside Env` }));
  for (const [index, { kind, text, line }] of tokens.entries()) {
    if (kind !== "word") continue;
    const isProperty = tokens[index - 1]?.text === "." || tokens[index + 1]?.text === ":";
    const member = `${text}.${tokens[index + 1]?.text === "." ? (tokens[index + 2]?.text ?? "") : ""}`;
    if (WORLD.has(text) || (WORLD_UNLESS_PROPERTY.has(text) && !isProperty)) {
      found.push({ line, problem: `${text} outside Env` });
    } else if (WORLD_MEMBERS.has(member)) found.push({ line, problem: `${member} outside Env` });
  }
  return found;
}

export function exportViolations(tokens: readonly Token[]): Violation[] {
  return tokens.flatMap(({ kind, text, line }, index) => {
    if (kind !== "word" || text !== "export") return [];
    const next = tokens[index + 1]?.text === "type" ? tokens[index + 2] : tokens[index + 1];
    if (next?.text === "default") return [{ line, problem: "a default export" }];
    return next?.text === "*" ? [{ line, problem: "export *" }] : [];
  });
}

export function nullViolations(tokens: readonly Token[]): Violation[] {
  return tokens
    .filter(({ kind, text }) => kind === "word" && text === "null")
    .map(({ line }) => ({ line, problem: "null; undefined says it" }));
}

/** How often each of `literals` stands in these tokens as a string. */
export function countLiterals(tokens: readonly Token[], literals: readonly string[]): Map<string, number> {
  const counts = new Map(literals.map((literal) => [literal, 0]));
  for (const { kind, text } of tokens) {
    const count = kind === "string" ? counts.get(text) : undefined;
    if (count !== undefined) counts.set(text, count + 1);
  }
  return counts;
}
