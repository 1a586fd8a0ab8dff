// What a manifest tells when it may be damaged: every edit that can be read, in order, each for what it is worth. Unlike
// an open, which refuses what it cannot be sure of, it never throws for bad bytes.

import type { KeyOrder } from "../../common/comparator.ts";
import { CorruptionError, TinyKVError } from "../../common/errors.ts";
import type { Env } from "../../util/env.ts";
import type { CleanEnd } from "../../wal/log-format.ts";
import { LogReader } from "../../wal/log-reader.ts";
import { manifestName } from "../file-names.ts";
import { joinPath } from "../store-context.ts";
import type { TableMeta } from "../table-meta.ts";
import { decodeEdit, type VersionEdit } from "../version-edit.ts";
import type { ManifestFact } from "./liveness.ts";
import type { LostBytes } from "./report.ts";

export interface ManifestSurvey extends ManifestFact {
  readonly number: number;
  readonly databaseId: Uint8Array;
  readonly tables: ReadonlyMap<number, TableMeta>;
  readonly nextFileNumber: number;
  readonly lastSequence: number;
  readonly cleanEnd: CleanEnd | undefined;
  readonly problems: readonly LostBytes[];
}

/**
 * Reads a manifest as far as it can be read; a text, why not, when not even its first record can be.
 *
 * Throws COMPARATOR_MISMATCH, FORMAT_UNSUPPORTED and IO_ERROR.
 */
export function surveyManifest(env: Env, path: string, number: number, order: KeyOrder): ManifestSurvey | string {
  const name = manifestName(number);
  const file = env.open(joinPath(path, name), "r");
  try {
    const reader = LogReader.open({ file, name, number, kind: "manifest", salvage: true });
    if (!reader.header) return reader.headerProblem ?? "no valid file header";
    const { comparatorName, databaseId } = reader.header;
    checkComparator(order, comparatorName, name);
    const replay = new LenientReplay();
    for (let record = reader.next(); record; record = reader.next()) {
      const { payload, offset, end } = record;
      replay.read(() => decodeEdit(payload, name, offset), { offset, length: end - offset });
    }
    const { first } = replay;
    if (!first) return "no readable snapshot record";
    const { end } = reader;
    const isTorn = end.kind === "bad" && reader.promiseBeyond(end.offset) === undefined;
    // Behind a tear there is nothing that counts.
    const gaps = reader.gaps.filter((gap) => !isTorn || gap.offset < end.size);
    const problems = [
      ...replay.problems,
      ...gaps.map(({ offset, length, reason }) => ({ offset, length, problem: reason })),
    ];
    return {
      ...replay.result(),
      number,
      databaseId: Buffer.from(databaseId),
      firstNextNumber: first.nextFileNumber ?? 0,
      cleanEnd: end.kind === "clean" ? end.cleanEnd : undefined,
      isWhole: problems.length === 0,
      problems,
    };
  } finally {
    file.close();
  }
}

/** Keys can be compared only by the comparator that ordered them. */
export function checkComparator(order: KeyOrder, stored: string, name: string): void {
  const own = order.comparator.name;
  if (stored === own) return;
  throw new TinyKVError("TINYKV_COMPARATOR_MISMATCH", `${name} was made with comparator ${stored}, not ${own}`);
}

class LenientReplay {
  readonly problems: LostBytes[] = [];
  first: VersionEdit | undefined;
  readonly #tables = new Map<number, TableMeta>();
  readonly #removed = new Set<number>();
  #logNumber = 0;
  #nextFileNumber = 0;
  #lastSequence = 0;

  read(decode: () => VersionEdit, place: { readonly offset: number; readonly length: number }): void {
    try {
      const edit = decode();
      // Without the snapshot the steps say too little.
      if (!this.first && edit.databaseId === undefined) return;
      this.first ??= edit;
      this.#apply(edit);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.problems.push({ ...place, problem: error.problem });
    }
  }

  result(): Pick<ManifestSurvey, "tables" | "live" | "removed" | "logNumber" | "nextFileNumber" | "lastSequence"> {
    return {
      tables: this.#tables,
      live: new Map([...this.#tables].map(([number, { tag }]) => [number, tag])),
      removed: this.#removed,
      logNumber: this.#logNumber,
      nextFileNumber: this.#nextFileNumber,
      lastSequence: this.#lastSequence,
    };
  }

  #apply({ removed = [], added = [], logNumber = 0, nextFileNumber = 0, lastSequence = 0 }: VersionEdit): void {
    for (const { number } of removed) {
      this.#tables.delete(number);
      this.#removed.add(number);
    }
    for (const { table } of added) {
      this.#tables.set(table.number, table);
      this.#removed.delete(table.number);
    }
    this.#logNumber = Math.max(this.#logNumber, logNumber);
    this.#nextFileNumber = Math.max(this.#nextFileNumber, nextFileNumber);
    this.#lastSequence = Math.max(this.#lastSequence, lastSequence);
  }
}
