// What lies in a store directory, file by file, whether the store opens or not: for people who look at a broken one.
//
// Nothing is locked, written or followed: a name that is no ordinary file is a problem, not a file. The live manifest is
// the one that CURRENT names, or, if CURRENT cannot be read, the newest that can be. Beside a writer files come and go
// between two looks; one that has gone is told as missing only if the manifest still names it.

import { CorruptionError, errnoOf, TinyKVError } from "../common/errors.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { Env, FileHandle, FileStat } from "../util/env.ts";
import type { LogHeader } from "../wal/log-format.ts";
import { LogReader } from "../wal/log-reader.ts";
import { CURRENT, LOST, logName, manifestName, parseFileName, tableName } from "./file-names.ts";
import { readCurrent } from "./manifest.ts";
import { inspectManifest, stateProblems, type InspectedManifest } from "./manifest-inspection.ts";
import { joinPath } from "./store-context.ts";
import type { TableMeta } from "./table-meta.ts";
import type { Problem } from "./verify.ts";

export interface SurveyedFile {
  readonly number: number;
  readonly name: string;
  /** Bytes; undefined: the manifest names it, but it is not there. */
  readonly size: number | undefined;
}

export interface SurveyedTable extends SurveyedFile {
  /** Undefined: no table of the live manifest. */
  readonly level: number | undefined;
  /** What the manifest, live or as it was once, says of it. */
  readonly meta: TableMeta | undefined;
}

export interface SurveyedLog extends SurveyedFile {
  /** Undefined: it cannot be read. */
  readonly header: LogHeader | undefined;
  /** At or above the manifest's log number: it may hold what no table holds. */
  readonly isLive: boolean;
  /** Where the next log says that it ends. */
  readonly successor: { readonly size: number; readonly name: string } | undefined;
}

/** Everything in a store directory. */
export interface Survey {
  /** Undefined: none can be read. */
  readonly manifest: InspectedManifest | undefined;
  /** Manifests beside the live one. */
  readonly otherManifests: readonly SurveyedFile[];
  /** Live ones by level, as in a version, then those that the manifest does not name. */
  readonly tables: readonly SurveyedTable[];
  readonly logs: readonly SurveyedLog[];
  /** Names in lost/. */
  readonly lost: readonly string[];
  /** Names that are not the store's. */
  readonly foreign: readonly string[];
  readonly problems: readonly Problem[];
}

/** Throws DOES_NOT_EXIST if there is no such directory, IO_ERROR. */
export function surveyStore(env: Env, path: string, order: KeyOrder): Survey {
  return new Surveyor(env, path).survey(order);
}

/** What the readable manifests of a directory say of a table, the newest first. */
export function metaFromManifests(env: Env, path: string, number: number): TableMeta | undefined {
  const surveyor = new Surveyor(env, path);
  for (const manifest of surveyor.manifests()) {
    const meta = manifest.mentioned.get(number);
    if (meta) return meta;
  }
  return undefined;
}

/** What the next log of a directory says of where log `number` ends; undefined if none names it. */
export function successorOf(env: Env, path: string, number: number): SurveyedLog["successor"] {
  return new Surveyor(env, path).successorOf(number);
}

class Surveyor {
  readonly #env: Env;
  readonly #path: string;
  readonly #problems: Problem[] = [];
  readonly #files = new Map<string, FileStat>();
  /** Names that are taken by something else than a file. */
  readonly #taken = new Set<string>();

  constructor(env: Env, path: string) {
    this.#env = env;
    this.#path = path;
    this.#list();
  }

  survey(order: KeyOrder): Survey {
    const manifest = this.#liveManifest();
    if (manifest) this.#reportManifest(manifest, order);
    return {
      manifest,
      otherManifests: this.#filesOf("manifest").filter(({ number }) => number !== manifest?.number),
      tables: this.#tables(manifest, order),
      logs: this.#logs(manifest?.logNumber ?? 0),
      lost: this.#lost(),
      foreign: [...this.#files.keys()].filter((name) => parseFileName(name).kind === "foreign").sort(),
      problems: this.#problems,
    };
  }

  /** All that can be read, the newest first. */
  *manifests(): Generator<InspectedManifest> {
    for (const { number } of this.#filesOf("manifest").reverse()) {
      const manifest = this.#inspect(number);
      if (manifest?.log.header) yield manifest;
    }
  }

  successorOf(number: number): SurveyedLog["successor"] {
    return successorIn(this.#logHeaders(), number);
  }

  #list(): void {
    let names: string[];
    try {
      names = this.#env.readDirectory(this.#path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${this.#path} does not exist`, error);
    }
    for (const name of names) {
      const { kind } = parseFileName(name);
      const stat = unlessGone(() => this.#env.stat(joinPath(this.#path, name)));
      const expected = kind === "lost" ? "directory" : "file";
      if (stat && (kind === "foreign" || stat.kind === expected)) this.#files.set(name, stat);
      else if (stat) {
        this.#taken.add(name);
        this.#report(name, 0, notA(expected, stat));
      }
    }
  }

  #liveManifest(): InspectedManifest | undefined {
    const number = this.#attempt(CURRENT, () => readCurrent(this.#env, this.#path));
    if (number === undefined && !this.#files.has(CURRENT)) this.#report(CURRENT, 0, "missing");
    if (number !== undefined) {
      const manifest = this.#files.has(manifestName(number)) ? this.#inspect(number) : undefined;
      if (manifest?.log.header) return manifest;
      this.#report(manifestName(number), 0, manifest ? manifest.log.reason : "missing, but named by CURRENT");
    }
    for (const manifest of this.manifests()) return manifest;
    return undefined;
  }

  #reportManifest(manifest: InspectedManifest, order: KeyOrder): void {
    const name = manifestName(manifest.number);
    for (const { offset, problem } of manifest.problems) this.#report(name, offset, problem);
    for (const problem of stateProblems(manifest, order)) this.#report(name, manifest.log.end.size, problem);
  }

  #tables(manifest: InspectedManifest | undefined, order: KeyOrder): SurveyedTable[] {
    const live = [...(manifest?.tables.values() ?? [])];
    live.sort((a, b) => a.level - b.level || compareInLevel(order, a.level, a.table, b.table));
    const tables: SurveyedTable[] = live.map(({ level, table }) => {
      const name = tableName(table.number);
      const size = this.#files.get(name)?.size;
      if (size === undefined && !this.#taken.has(name)) this.#report(name, 0, "missing, but named by the manifest");
      else if (size !== undefined && size !== table.size)
        this.#report(name, 0, `${size} bytes, the manifest says ${table.size}`);
      return { number: table.number, name, size, level, meta: table };
    });
    for (const file of this.#filesOf("table")) {
      if (manifest?.tables.has(file.number)) continue;
      tables.push({ ...file, level: undefined, meta: manifest?.mentioned.get(file.number) });
    }
    return tables;
  }

  #logs(logNumber: number): SurveyedLog[] {
    const headers = this.#logHeaders();
    return this.#filesOf("log").map((file) => ({
      ...file,
      header: headers.get(file.number),
      isLive: file.number >= logNumber,
      successor: successorIn(headers, file.number),
    }));
  }

  #logHeaders(): Map<number, LogHeader | undefined> {
    return new Map(this.#filesOf("log").map(({ number }) => [number, this.#logHeader(number)]));
  }

  #logHeader(number: number): LogHeader | undefined {
    const name = logName(number);
    return this.#withFile(name, (file) => LogReader.open({ file, name, number, kind: "wal" }).header);
  }

  #inspect(number: number): InspectedManifest | undefined {
    return this.#withFile(manifestName(number), (file) => inspectManifest(file, number));
  }

  #withFile<T>(name: string, use: (file: FileHandle) => T): T | undefined {
    const file = this.#attempt(name, () => unlessGone(() => this.#env.open(joinPath(this.#path, name), "r")));
    if (!file) return undefined;
    try {
      return this.#attempt(name, () => use(file));
    } finally {
      file.close();
    }
  }

  #lost(): string[] {
    if (!this.#files.has(LOST)) return [];
    return unlessGone(() => this.#env.readDirectory(joinPath(this.#path, LOST)))?.sort() ?? [];
  }

  #filesOf(kind: "table" | "log" | "manifest"): { number: number; name: string; size: number }[] {
    const files: { number: number; name: string; size: number }[] = [];
    for (const [name, { size }] of this.#files) {
      const parsed = parseFileName(name);
      if (parsed.kind === kind) files.push({ number: parsed.number, name, size });
    }
    return files.sort((a, b) => a.number - b.number);
  }

  #attempt<T>(name: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (error instanceof CorruptionError) this.#report(error.file, error.offset, error.problem);
      else if (error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED")
        this.#report(name, 0, error.message);
      else if (errnoOf(error) === "ELOOP") this.#report(name, 0, "a symbolic link");
      else if (isForbidden(error)) this.#report(name, 0, "may not be read");
      else throw error;
      return undefined;
    }
  }

  #report(file: string, offset: number, problem: string): void {
    this.#problems.push({ file, offset, problem });
  }
}

function successorIn(headers: ReadonlyMap<number, LogHeader | undefined>, number: number): SurveyedLog["successor"] {
  for (const [next, header] of headers) {
    if (header?.predecessor?.number === number) return { size: header.predecessor.size, name: logName(next) };
  }
  return undefined;
}

function compareInLevel(order: KeyOrder, level: number, a: TableMeta, b: TableMeta): number {
  return level === 0 ? b.epoch - a.epoch : order.compare(a.smallest.key, b.smallest.key);
}

/** What stands under a name where a file or directory should. */
export function notA(expected: "file" | "directory", { kind }: FileStat): string {
  return `a ${kind === "other" ? "special file" : kind}, not a ${expected}`;
}

/** Whether a file is there and this process may not read it. */
export function isForbidden(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "EACCES" || errno === "EPERM";
}

function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
