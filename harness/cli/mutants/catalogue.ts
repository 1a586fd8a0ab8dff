// Known bugs as data: harness/mutants/ID.json for the engine, harness/mutants/harness/ID.json for the harness itself.
//
//   file      the source file, as in the repository
//   find      a piece of it that stands there once, and once in what it is built to
//   replace   what stands there in its place
//   source    the row of a list, the incident or the rule that it comes from
//   class     what kind of bug it is: classes are counted in the score
//   note      what goes wrong, and for whom
//
// White space is as wide as one likes in `find`: the compiler indents in its own way.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Mutant {
  readonly id: string;
  /** The harness's own are found by its self-check, the engine's by its suites. */
  readonly of: "engine" | "harness";
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly source: string;
  readonly class: string;
  readonly note: string;
}

/** A mutant that is none, or whose place is not there or not alone. */
export class MutantError extends Error {
  override readonly name = "MutantError";
}

export const MUTANTS: string = fileURLToPath(new URL("../../mutants/", import.meta.url)).replace(
  /\/dist\/harness\//,
  "/harness/",
);
const FIELDS = ["file", "find", "replace", "source", "class", "note"] as const;
const SUFFIX = ".json";

/** All of them, by id, those of the engine first. Throws MutantError. */
export function readCatalogue(): readonly Mutant[] {
  const mutants = [...readFolder(MUTANTS, "engine"), ...readFolder(`${MUTANTS}harness/`, "harness")];
  const ids = new Set<string>();
  for (const { id } of mutants) {
    if (ids.has(id)) throw new MutantError(`there are two mutants ${id}`);
    ids.add(id);
  }
  return mutants;
}

function readFolder(folder: string, of: Mutant["of"]): Mutant[] {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(SUFFIX))
    .map(({ name }) => name)
    .sort();
  return names.map((name) => mutantOf(name.slice(0, -SUFFIX.length), of, readFileSync(`${folder}${name}`, "utf8")));
}

function mutantOf(id: string, of: Mutant["of"], text: string): Mutant {
  const fields = JSON.parse(text) as Record<string, unknown>;
  for (const name of FIELDS)
    if (typeof fields[name] !== "string") throw new MutantError(`mutant ${id} has no ${name} in words`);
  if (Object.keys(fields).length !== FIELDS.length) throw new MutantError(`mutant ${id} has fields of its own`);
  const mutant = { ...(fields as unknown as Omit<Mutant, "id" | "of">), id, of };
  const folders = of === "engine" ? ["src/"] : ["harness/", "crashtests/", "fuzz/"];
  const isThere = folders.some((folder) => mutant.file.startsWith(folder));
  if (!isThere || !mutant.file.endsWith(".ts")) throw new MutantError(`mutant ${id} of the ${of} is in ${mutant.file}`);
  return mutant;
}

/** `code` with the bug in it. Throws MutantError unless its place is there exactly once. */
export function planted(code: string, { id, file, find, replace }: Mutant): string {
  const words = find.trim().split(/\s+/).map(literal);
  const place = new RegExp(words.join(String.raw`\s+`), "g");
  const places = code.match(place)?.length ?? 0;
  if (places !== 1) throw new MutantError(`what mutant ${id} replaces stands ${places} times in ${file}, not once`);
  return code.replace(place, () => replace);
}

function literal(word: string): string {
  return word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
