import { expect, test } from "vitest";
import { functionsOf } from "./functions.ts";
import {
  countLiterals,
  exportViolations,
  FILE_LINES_MAX,
  FUNCTION_LINES_MAX,
  nullViolations,
  sizeViolations,
  worldViolations,
  type Violation,
} from "./rules.ts";
import { tokenize } from "./scanner.ts";

/** A body of `lines` lines, its two braces' lines included. */
function body(lines: number): string {
  return `{\n${"  x();\n".repeat(lines - 2)}}`;
}

/** Of the functions of more than one line: those of one may be function types. */
function lengths(text: string): number[] {
  return functionsOf(tokenize(text)).flatMap(({ lines }) => (lines > 1 ? [lines] : []));
}

function sizeProblems(text: string): string[] {
  return problems(sizeViolations(text, tokenize(text)));
}

function problems(violations: Violation[]): string[] {
  return violations.map(({ line, problem }) => `${line}: ${problem}`);
}

test("every form of function is found, with all of its lines", () => {
  const forms = [
    `function f() ${body(5)}`,
    `export async function f<T extends { a: 1 }>(a: T): Promise<{ b: number }> ${body(5)}`,
    `const f = function () ${body(5)};`,
    `function* f(): Generator<void> ${body(5)}`,
    `const f = () => ${body(5)};`,
    `const f = async (a: number): Promise<void> => ${body(5)};`,
    `const f = <T,>(a: T): T => ${body(5)};`,
    `const f = (a: unknown): a is { b: 1 } => ${body(5)};`,
    `const f = (x: () => void): (() => void) => ${body(5)};`,
    `class A { m() ${body(5)} }`,
    `class A { #m(a: string): string | undefined ${body(5)} }`,
    `class A { get m(): { x: number }[] ${body(5)} }`,
    `class A { constructor(a: number) ${body(5)} }`,
    `class A { [Symbol.iterator](): Iterator<[A, B]> ${body(5)} }`,
    `const a = { m(x: number) ${body(5)} };`,
    `function f(a: boolean): asserts a ${body(5)}`,
    `function f(a: unknown): a is { x: 1 } ${body(5)}`,
    `function f(a: () => unknown): () => void ${body(5)}`,
    `function f(a: string): "b" | \`c\${string}\` ${body(5)}`,
    `test("a name", async () => ${body(5)});`,
    `test(\n  "a name",\n  (a) => ${body(3)},\n);`.replace("(a)", "(\n a,\n b)"),
    `for (const x of y) f((z) => ${body(5)});`,
    `const f = (a: number) =>\n  a\n    .b()\n    .c(1)\n    .d;`,
  ];
  for (const form of forms) expect([form, lengths(form)]).toEqual([form, [5]]);
});

test("what looks like a function is none", () => {
  const others = [
    `if (a) ${body(5)}`,
    `for (const a of b) ${body(5)}`,
    `for await (const a of b) ${body(5)}`,
    `while (a) ${body(5)}`,
    `switch (a) ${body(5)}`,
    `try ${body(3)} catch (error) ${body(5)}`,
    `const a = b ? f(c) : { d: 1 };`,
    `const a = b ? (c) : d;`,
    `interface A { f(a: number): { b: 1 }; g(): void }`,
    `declare function f(a: number): void;`,
    `class A ${body(5)}`,
    `const a = (b) as { c: 1 };`,
  ];
  for (const other of others) expect([other, lengths(other)]).toEqual([other, []]);
});

test("a method that returns a function ends where its body ends", () => {
  const text = `class A {\n  once(a: () => unknown): () => void ${body(4)}\n  other(): void ${body(7)}\n}`;
  expect(lengths(text)).toEqual([4, 7]);
});

test("functions inside functions are counted by themselves, and as lines of the outer one", () => {
  const text = `function outer() {\n  const inner = () => ${body(5)};\n  promise.catch(() => ${body(3)});\n}`;
  expect(lengths(text)).toEqual([10, 5, 3]);
});

test("a function or a file one line too long is reported, one at the limit is not", () => {
  expect(sizeProblems(`\nfunction f() ${body(FUNCTION_LINES_MAX)}\n`)).toEqual([]);
  expect(sizeProblems(`\nfunction f() ${body(FUNCTION_LINES_MAX + 1)}\n`)).toEqual(["2: a function of 61 lines"]);
  expect(sizeProblems("x;\n".repeat(FILE_LINES_MAX))).toEqual([]);
  expect(sizeProblems("x;\n".repeat(FILE_LINES_MAX + 1))).toEqual(["1: a file of 401 lines"]);
  expect(sizeProblems(`${"x;\n".repeat(FILE_LINES_MAX)}x;`)).toEqual(["1: a file of 401 lines"]);
});

test("each way to the world is found", () => {
  const ways: Record<string, string> = {
    "const now = Date.now();": "Date",
    "let at: Date;": "Date",
    "const x = Math.random();": "Math.random",
    "const x = performance.now();": "performance",
    "setTimeout(f, 1);": "setTimeout",
    "globalThis.setInterval(f, 1);": "setInterval",
    "setImmediate(f);": "setImmediate",
    "queueMicrotask(f);": "queueMicrotask",
    "new FinalizationRegistry(f);": "FinalizationRegistry",
    "new WeakRef(x);": "WeakRef",
    "crypto.randomUUID();": "crypto",
    "os.hostname();": "os",
    "new Intl.Collator();": "Intl",
    "a.localeCompare(b);": "localeCompare",
    "process.hrtime.bigint();": "process.hrtime",
    'import { openSync } from "node:fs";': "node:fs",
    'import type { Stats } from "node:fs";': "node:fs",
    'import { open } from "node:fs/promises";': "node:fs/promises",
    'const fs = await import("fs");': "fs",
    'import "node:timers/promises";': "node:timers/promises",
    'import { randomBytes } from "node:crypto";': "node:crypto",
    "const x = `${setTimeout(f, 1)}`;": "setTimeout",
  };
  for (const [text, name] of Object.entries(ways)) {
    expect([text, problems(worldViolations(tokenize(text)))]).toEqual([text, [`1: ${name} outside Env`]]);
  }
});

test("comments, strings and other people's properties are no way to the world", () => {
  const text = `// Date.now() and Math.random()
    /* setTimeout */ const a = "Date"; const b = 'node:fs'; const c = \`setTimeout\`;
    const d = { performance: 1, os: 2 }; d.performance; x.crypto; Math.max(1, 2); process.pid; Dated; updateDate;
    import { crc32 } from "node:zlib"; import { x } from "./fs.ts";`;
  expect(problems(worldViolations(tokenize(text)))).toEqual([]);
});

test("default exports, export * and null are found, their words elsewhere are not", () => {
  const bad = 'export default 1;\nexport * from "./a.ts";\nexport * as b from "./b.ts";\nexport type * from "./c.ts";';
  expect(problems(exportViolations(tokenize(bad)))).toEqual([
    "1: a default export",
    "2: export *",
    "3: export *",
    "4: export *",
  ]);
  expect(problems(nullViolations(tokenize("const a = b ?? null;\nlet c: string | null;")))).toEqual([
    "1: null; undefined says it",
    "2: null; undefined says it",
  ]);
  const good =
    '// export default null\nexport const a = "null"; switch (a) { default: }; export { b }; export const nullable = 1;';
  expect([...exportViolations(tokenize(good)), ...nullViolations(tokenize(good))]).toEqual([]);
});

test("literals are counted as strings, not in comments and not inside other strings", () => {
  const text = 'f("log.write"); g("log.write.x"); // "log.write"\n const x = \'log.write\'; h("flush.table");';
  const counts = countLiterals(tokenize(text), ["log.write", "flush.table", "close.log"]);
  expect([...counts]).toEqual([
    ["log.write", 2],
    ["flush.table", 1],
    ["close.log", 0],
  ]);
});
