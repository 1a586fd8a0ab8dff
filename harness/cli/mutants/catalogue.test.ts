// Each mutant stands where it says, exactly once; what it makes is a module. From dist/, which `npm test` builds first.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";
import { expect, test } from "vitest";
import { type Mutant, MutantError, planted, readCatalogue } from "./catalogue.ts";
import { builtFile } from "./plant.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CATALOGUE = readCatalogue();
const code = (mutant: Mutant): string => readFileSync(`${ROOT}${builtFile(mutant)}`, "utf8");

test("each mutant's place stands exactly once in what is built, and what comes of it is a module", () => {
  for (const mutant of CATALOGUE) {
    const before = code(mutant);
    const after = planted(before, mutant);
    expect([mutant.id, after === before]).toEqual([mutant.id, false]);
    expect(() => parseAst(after), mutant.id).not.toThrow();
  }
});

test("a place that is not there, or there twice, is refused", () => {
  const mutant = { ...CATALOGUE[0]!, find: "const  x =\n 1;", replace: "$& y" };
  expect(planted("{\n    const x = 1;\n}", mutant)).toBe("{\n    $& y\n}");
  expect(() => planted("const x = 2;", mutant)).toThrow(MutantError);
  expect(() => planted("const x = 1; const x = 1;", mutant)).toThrow(MutantError);
});

test("no two mutants are the same", () => {
  const changes = CATALOGUE.map(({ file, find, replace }) => `${file} ${find.replaceAll(/\s+/g, " ")} ${replace}`);
  expect(new Set(changes).size).toBe(changes.length);
});
