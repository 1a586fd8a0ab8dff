// Every version of a key in every readable file of a directory, for stores that do not open. Keys are compared byte by
// byte, whatever the comparator: only equal bytes are equal. Tables are read through: an index may lie.

import { equalBytes } from "../common/bytes.ts";
import { badBytesProblem, errnoOf } from "../common/errors.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import { visitBatch } from "../memtable/write-batch.ts";
import { salvageTable } from "../sst/table-salvage.ts";
import type { Env, FileHandle } from "../util/env.ts";
import type { FoundVersion } from "./find.ts";
import { inspectLog } from "./log-inspection.ts";
import { joinPath } from "./store-context.ts";
import { isForbidden, type Survey, type SurveyedLog, type SurveyedTable } from "./survey.ts";
import type { Problem } from "./verify.ts";

/** A version, or a range delete that covers the key, in a file that may be no part of the store any more. */
export interface FileVersion extends Omit<FoundVersion, "kind"> {
  readonly kind: "put" | "delete" | "deleteRange";
  /** False: the manifest does not name the table, or needs the log no more. */
  readonly live: boolean;
  /** Of range deletes, the keys that they cover: from `start` to before `end`. */
  readonly start?: Buffer;
  readonly end?: Buffer;
}

export interface FoundInFiles {
  /** Logs newest first, then tables by level, then those that the manifest does not name. */
  readonly versions: readonly FileVersion[];
  /** Of the files read here; the survey has its own. */
  readonly problems: readonly Problem[];
}

/** Whether a range delete covers the key is known only if `order` is the store's own. Throws IO_ERROR. */
export function findInFiles(env: Env, path: string, survey: Survey, key: Uint8Array, order: KeyOrder): FoundInFiles {
  const search = new FileSearch(env, path, key, order);
  for (const log of survey.logs.toReversed()) search.log(log);
  for (const table of survey.tables) search.table(table);
  return search;
}

class FileSearch implements FoundInFiles {
  readonly versions: FileVersion[] = [];
  readonly problems: Problem[] = [];
  readonly #env: Env;
  readonly #path: string;
  readonly #key: Uint8Array;
  readonly #order: KeyOrder;

  constructor(env: Env, path: string, key: Uint8Array, order: KeyOrder) {
    this.#env = env;
    this.#path = path;
    this.#key = key;
    this.#order = order;
  }

  log({ name, number, isLive, successor }: SurveyedLog): void {
    this.#withFile(name, (file) => {
      const found: FileVersion[] = [];
      const place = { where: "log" as const, file: name, level: undefined, live: isLive };
      const source = { file, name, number, kind: "wal" as const, ...(successor && { successor }) };
      const { verdict, gaps, reason } = inspectLog(source, ({ payload, offset }) =>
        this.#readBatch(payload, name, offset, (kind, sequence, key, value) => {
          const version = this.#version(place, kind, sequence, key, value);
          if (version) found.push(version);
        }),
      );
      this.versions.push(...found.reverse());
      if (verdict !== "damaged") return;
      for (const gap of gaps) this.problems.push({ file: name, offset: gap.offset, problem: gap.reason });
      if (gaps.length === 0) this.problems.push({ file: name, offset: 0, problem: reason });
    });
  }

  table({ name, number, size, level, meta }: SurveyedTable): void {
    if (size === undefined) return;
    this.#withFile(name, (file) => {
      const tag = meta?.tag;
      const order = this.#order;
      const table = salvageTable({ file, name, number, order, ...(tag !== undefined && { tag }) });
      const place = { where: "table" as const, file: name, level, live: level !== undefined };
      const isOrdered = (table.properties?.comparatorName ?? order.comparator.name) === order.comparator.name;
      table.visit((key, sequence, kind, value) => {
        if (kind === Kind.deleteRange && !isOrdered) return;
        const version = this.#version(place, kind, sequence, key, value);
        if (version) this.versions.push(version);
      });
      for (const { offset, problem } of table.problems) this.problems.push({ file: name, offset, problem });
    });
  }

  #readBatch(
    payload: Uint8Array,
    name: string,
    offset: number,
    visit: (kind: Kind, sequence: number, key: Uint8Array, value: Uint8Array) => void,
  ): void {
    try {
      visitBatch(payload, name, offset, visit);
    } catch (error) {
      const problem = badBytesProblem(error);
      if (problem === undefined) throw error;
      this.problems.push({ file: name, offset, problem });
    }
  }

  #version(
    place: Pick<FileVersion, "where" | "file" | "level" | "live">,
    kind: Kind,
    sequence: number,
    key: Uint8Array,
    value: Uint8Array,
  ): FileVersion | undefined {
    if (kind === Kind.deleteRange) {
      const covers = this.#order.compare(key, this.#key) <= 0 && this.#order.compare(this.#key, value) < 0;
      const range = { start: Buffer.from(key), end: Buffer.from(value) };
      return covers ? { ...place, sequence, kind: "deleteRange", value: undefined, ...range } : undefined;
    }
    if (!equalBytes(key, this.#key)) return undefined;
    if (kind === Kind.put) return { ...place, sequence, kind: "put", value: Buffer.from(value) };
    return { ...place, sequence, kind: "delete", value: undefined };
  }

  // A file that a writer has just unlinked, or that is none, was told by the survey if it matters.
  #withFile(name: string, use: (file: FileHandle) => void): void {
    let file: FileHandle;
    try {
      file = this.#env.open(joinPath(this.#path, name), "r");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      if (!isForbidden(error)) throw error;
      this.problems.push({ file: name, offset: 0, problem: "may not be read" });
      return;
    }
    try {
      use(file);
    } catch (error) {
      const problem = badBytesProblem(error);
      if (problem === undefined) throw error;
      this.problems.push({ file: name, offset: 0, problem });
    } finally {
      file.close();
    }
  }
}
