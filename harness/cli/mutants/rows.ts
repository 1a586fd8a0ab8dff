// harness/mutants/rows/real-engines.json: bugs that real engines had, row by row, and for each that cannot exist here the reason.
// Which mutants were planted for a row is what their `source` says.

import { readFileSync } from "node:fs";
import { type Mutant, MUTANTS, readCatalogue } from "./catalogue.ts";

export interface Row {
  readonly row: string;
  readonly what: string;
  /** Ids. */
  readonly mutants: readonly string[];
  /** Why it is not planted as it was: there is no such thing here, or something else rules it out. */
  readonly why?: string;
}

/** In the order of the file. */
export function readRows(): readonly Row[] {
  const rows = JSON.parse(readFileSync(`${MUTANTS}rows/real-engines.json`, "utf8")) as readonly Omit<Row, "mutants">[];
  const mutants = readCatalogue();
  return rows.map((row) => ({
    ...row,
    mutants: mutants.filter((mutant) => rowsOf(mutant).includes(row.row)).map(({ id }) => id),
  }));
}

/** A comparison that is not turned round: no test could tell. */
export interface Unobservable {
  readonly file: string;
  readonly comparison: string;
  readonly why: string;
}

export function readUnobservable(): readonly Unobservable[] {
  return JSON.parse(readFileSync(`${MUTANTS}rows/unobservable.json`, "utf8")) as readonly Unobservable[];
}

/** The rows that a mutant was planted for: "row W4: …", "rows C-16, C-17: …". */
export function rowsOf({ source }: Pick<Mutant, "source">): string[] {
  const words = source.match(/\brows? ((?:[A-Z]-?\d+(?:, |))+)/g) ?? [];
  return words.flatMap((text) => text.match(/[A-Z]-?\d+/g) ?? []);
}
