// The levels of a store, from the bytes that are left of it.

import type { KeptFile } from "../artifact-files.ts";
import { FormatProblem } from "../inspector/byte-source.ts";
import { frameManifest, type ManifestState } from "../inspector/manifest-framing.ts";
import { decodeCurrent, manifestName, tableName } from "../inspector/store-names.ts";
import type { Key } from "../keys.ts";
import { escapeBytes } from "../tokens.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { table } from "./page.ts";

/** A key in a table of a page is cut to so many letters. */
const KEY_LETTERS_MAX = 40;
/** Tables that are listed; of more the first. */
const TABLES_MAX = 200;

export interface Levels {
  readonly manifest: string;
  readonly state: ManifestState;
}

/** What CURRENT of the store in `directory` leads to; in words why it leads nowhere; undefined: there is no CURRENT. */
export function levelsOf(files: ReadonlyMap<string, KeptFile>, directory: string): Levels | string | undefined {
  const current = files.get(`${directory}/CURRENT`)?.bytes;
  if (!current) return undefined;
  try {
    const number = decodeCurrent(current);
    const bytes = files.get(`${directory}/${manifestName(number)}`)?.bytes;
    if (!bytes) return `CURRENT names ${manifestName(number)}, which is not there`;
    const { state, problem } = frameManifest(bytes, number);
    return state ? { manifest: manifestName(number), state } : `${manifestName(number)}: ${problem}`;
  } catch (error) {
    if (error instanceof FormatProblem) return `CURRENT: ${error.message}`;
    throw error;
  }
}

/** `what`: whose levels they are. */
export function levelsSection(levels: Levels | string, files: ReadonlyMap<string, KeptFile>, what: Content): Markup {
  if (typeof levels === "string") return markup`<p><span class="bad">There are none to be read:</span> ${levels}.</p>`;
  const { manifest, state } = levels;
  const facts = markup`<p>${what}, as ${manifest} has them: log number ${state.logNumber}, next file number ${state.nextFileNumber}, last sequence number ${state.lastSequence}.</p>`;
  if (state.tables.length === 0) return markup`${facts}<p>No level has a table.</p>`;
  const sizes = new Map([...files].map(([path, { size }]) => [path.slice(path.lastIndexOf("/") + 1), size]));
  const rows = state.tables
    .slice(0, TABLES_MAX)
    .map(({ level, number, size, entries, deletes, smallest, largest, leastSequence, greatestSequence }) => [
      level,
      tableName(number),
      sizeOnDisk(size, sizes.get(tableName(number))),
      entries,
      deletes,
      `${shortKey(smallest.key)} … ${shortKey(largest.key)}`,
      `${leastSequence} … ${greatestSequence}`,
    ]);
  const more = state.tables.length - rows.length;
  const columns = [
    { label: "level" },
    { label: "table", kind: "code" as const },
    { label: "bytes", kind: "number" as const },
    { label: "entries", kind: "number" as const },
    { label: "deletes", kind: "number" as const },
    { label: "keys", kind: "code" as const },
    { label: "sequence numbers", kind: "code" as const },
  ];
  const caption = more > 0 ? `Tables by level; ${more} more` : "Tables by level";
  return markup`${facts}${table({ name: "levels", caption, columns, rows })}`;
}

function sizeOnDisk(size: number, actual: number | undefined): Content {
  if (actual === size) return size;
  return markup`${size} <span class="bad">${actual === undefined ? "missing" : `has ${actual}`}</span>`;
}

/** A key as op logs write it, cut short. */
export function shortKey(key: Key): string {
  const word = escapeBytes(key);
  return word.length <= KEY_LETTERS_MAX ? word : `${word.slice(0, KEY_LETTERS_MAX)}…`;
}
