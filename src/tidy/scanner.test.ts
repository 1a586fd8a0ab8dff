import { expect, test } from "vitest";
import { matchBrackets, tokenize } from "./scanner.ts";

function words(text: string): string {
  return tokenize(text)
    .filter(({ kind }) => kind === "word")
    .map((token) => token.text)
    .join(" ");
}

function kinds(text: string): string {
  return tokenize(text)
    .map(({ kind, text }) => `${kind}:${text}`)
    .join(" ");
}

test("comments are gone, and what they hold is neither code nor string", () => {
  expect(words("a // b 'c\n/* d ` { */ e /** f\n * g */ h")).toBe("a e h");
  expect(words("a /* // */ b // /* c\nd")).toBe("a b d");
});

test("strings are one token each, whatever they hold", () => {
  expect(kinds(`"a // b" 'it''s' "\\"" '\\\\' "\\\nx"`)).toBe(
    'string:a // b string:it string:s string:\\" string:\\\\ string:\\\nx',
  );
});

test("templates are split at their expressions, nested ones too", () => {
  expect(words("`a ${b + `c ${d({ e: `f` })} g`} h ${i}` j")).toBe("b d e i j");
  expect(words("`\\${a} \\` ${b} $ $$ {c}` d")).toBe("b d");
  expect(kinds("`x`")).toBe("template:`x`");
});

test("a slash begins a regular expression where a value may begin, and divides elsewhere", () => {
  const regexes = ['x = /"/g', "f(/[/]'/)", "return /`/", "[/\\/{/, 1]", "!/'/.test(x)", "a && /}/u", '() => /"/'];
  for (const text of regexes) expect(tokenize(text).filter(({ kind }) => kind === "regex")).toHaveLength(1);
  const divisions = [
    "a / b / c",
    "f(x) / 2 / 3",
    "a[0] / 2 / 3",
    "x! / y / z",
    "i++ / 2 / 3",
    "1 / 2 / 3",
    "`x` / 2 / 3",
  ];
  for (const text of divisions) expect(tokenize(text).filter(({ kind }) => kind === "regex")).toHaveLength(0);
});

test("numbers, private names and arrows are tokens of their own", () => {
  expect(kinds("#a => 0x1_f 1e-5 .5 x.y ++z")).toBe(
    "word:#a punctuation:=> number:0x1_f number:1e-5 number:.5 word:x punctuation:. word:y punctuation:++ word:z",
  );
});

test("lines are counted through everything that spans them", () => {
  const tokens = tokenize("a\n/* \n\n */ b `\n${c}\n` d\n'x\\\n' e");
  expect(tokens.filter(({ kind }) => kind === "word").map(({ text, line }) => `${text}${line}`)).toEqual([
    "a1",
    "b4",
    "c5",
    "d6",
    "e8",
  ]);
});

test("a file that does not balance is an error, not a guess", () => {
  for (const text of ["(", "f(]", "}", "`a", "`${a", "'a", '"a\n"', "{ ( }"])
    expect(() => tokenize(text)).toThrow(/line 1/);
});

test("brackets match, and those in strings and templates do not count", () => {
  const tokens = tokenize("f('(', `)${[x]}`, { a: 1 })");
  const pairs = [...matchBrackets(tokens).entries()].filter(([, close]) => close >= 0);
  expect(pairs.map(([open, close]) => `${tokens[open]!.text}${tokens[close]!.text}`)).toEqual(["()", "[]", "{}"]);
  expect(pairs[0]).toEqual([1, tokens.length - 1]);
});
