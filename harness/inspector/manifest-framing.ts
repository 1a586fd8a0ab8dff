// The manifest: a log of edits, and the state that they add up to.

import type { Key } from "../keys.ts";
import { FormatProblem } from "./byte-source.ts";
import { decodeEdit, LEVEL_MAX, type EditField, type TableEntry } from "./edit-framing.ts";
import { frameLog, type FramedLog } from "./log-framing.ts";

export type { EditField, InternalKey, TableEntry } from "./edit-framing.ts";

export interface ManifestState {
  readonly comparator: string;
  readonly databaseId: string;
  readonly logNumber: number;
  readonly nextFileNumber: number;
  readonly lastSequence: number;
  /** By level, 0 to 11; in a level by number. */
  readonly levels: readonly (readonly TableEntry[])[];
  /** All of them, by level and number. */
  readonly tables: readonly TableEntry[];
  /** By level. */
  readonly cursors: ReadonlyMap<number, Key>;
}

export interface FramedManifest {
  readonly log: FramedLog;
  /** Of each record, up to one that cannot be decoded. */
  readonly edits: readonly (readonly EditField[])[];
  /** Undefined if there is none: see `problem`. */
  readonly state: ManifestState | undefined;
  readonly problem: string | undefined;
}

/** Throws nothing. */
export function frameManifest(bytes: Uint8Array, number: number): FramedManifest {
  const log = frameLog(bytes, number, "manifest");
  const edits: EditField[][] = [];
  if (log.header === undefined) return { log, edits, state: undefined, problem: log.headerProblem };
  const sum = new EditSum();
  let at = log.header.end;
  try {
    for (const { offset, payload } of log.records) {
      at = offset;
      const edit = decodeEdit(payload);
      edits.push(edit);
      sum.add(edit);
    }
    return { log, edits, state: sum.state(), problem: undefined };
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    return { log, edits, state: undefined, problem: `record at ${at}: ${error.message}` };
  }
}

/** Adds edits up: what one removes goes before what it adds comes. */
class EditSum {
  #comparator: string | undefined;
  #databaseId: string | undefined;
  #logNumber: number | undefined;
  #nextFileNumber: number | undefined;
  #lastSequence: number | undefined;
  readonly #tables = new Map<number, TableEntry>();
  readonly #cursors = new Map<number, Key>();

  add(edit: readonly EditField[]): void {
    for (const field of edit) {
      if (field.field !== "removedTable") continue;
      if (this.#tables.get(field.number)?.level !== field.level)
        throw new FormatProblem(0, `removes table ${field.number}, which level ${field.level} does not have`);
      this.#tables.delete(field.number);
    }
    for (const field of edit) this.#addField(field);
  }

  #addField(field: EditField): void {
    switch (field.field) {
      case "comparator":
        this.#comparator = field.name;
        break;
      case "databaseId":
        this.#databaseId = field.id;
        break;
      case "logNumber":
        this.#logNumber = field.value;
        break;
      case "nextFileNumber":
        this.#nextFileNumber = field.value;
        break;
      case "lastSequence":
        this.#lastSequence = field.value;
        break;
      case "newTable":
        if (this.#tables.has(field.table.number)) throw new FormatProblem(0, `table ${field.table.number} twice`);
        this.#tables.set(field.table.number, field.table);
        break;
      case "cursor":
        this.#cursors.set(field.level, field.key);
        break;
      default:
      // Removed tables have gone before; unknown fields are passed over.
    }
  }

  state(): ManifestState {
    const tables = [...this.#tables.values()].sort((a, b) => a.level - b.level || a.number - b.number);
    return {
      comparator: known(this.#comparator, "comparator"),
      databaseId: known(this.#databaseId, "database id"),
      logNumber: known(this.#logNumber, "log number"),
      nextFileNumber: known(this.#nextFileNumber, "next file number"),
      lastSequence: known(this.#lastSequence, "last sequence number"),
      levels: Array.from({ length: LEVEL_MAX + 1 }, (_, level) => tables.filter((table) => table.level === level)),
      tables,
      cursors: this.#cursors,
    };
  }
}

function known<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new FormatProblem(0, `no record has a ${name}`);
  return value;
}
