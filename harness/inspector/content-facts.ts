// What single contents say, kept for as long as the content lives: images of one campaign share most of their files.

import type { FileContent } from "../disk/image.ts";
import { frameLog, type CleanEnd, type FramedLog, type LogEnd, type LogHeader } from "./log-framing.ts";
import { frameManifest, type ManifestState } from "./manifest-framing.ts";
import { frameTable, type Footer, type TableProperties } from "./table-framing.ts";
import { soundnessProblems } from "./version-soundness.ts";

export interface LogFacts {
  readonly header: LogHeader | undefined;
  readonly size: number;
  readonly end: LogEnd["kind"];
  readonly cleanEnd: CleanEnd | undefined;
  /** In words: something promises bytes behind the end. */
  readonly promise: string | undefined;
}

export interface ManifestFacts {
  readonly state: ManifestState | undefined;
  /** Why there is no state. */
  readonly problem: string | undefined;
  readonly size: number;
  readonly cleanEnd: CleanEnd | undefined;
  /** What stands behind its last record and is no CLEAN END, or behind that. */
  readonly torn: string | undefined;
  readonly unsound: readonly string[];
}

export interface TableFacts {
  readonly footer: Footer | undefined;
  readonly properties: TableProperties | undefined;
  readonly problem: string | undefined;
  /** Offset of the first block that does not verify. */
  readonly badBlock: number | undefined;
}

const logs = new WeakMap<FileContent, Map<string, LogFacts>>();
const manifests = new WeakMap<FileContent, Map<string, ManifestFacts>>();
const tables = new WeakMap<FileContent, TableFacts>();

/** Of a content under the name of log `number`, read up to `limit` if a successor names one. */
export function logFacts(content: FileContent, number: number, limit?: number): LogFacts {
  return remembered(logs, content, `${number} ${limit}`, () => {
    const { header, size, end, cleanEnd, promise } = frameLog(content.bytes, number, "wal", limit);
    return { header, size, end: end.kind, cleanEnd, promise: promise && promiseText(end.offset, promise.offset) };
  });
}

export function manifestFacts(content: FileContent, number: number): ManifestFacts {
  return remembered(manifests, content, `${number}`, () => {
    const { log, state, problem } = frameManifest(content.bytes, number);
    const unsound = state ? soundnessProblems(state) : [];
    return { state, problem, size: log.size, cleanEnd: log.cleanEnd, torn: tornText(log), unsound };
  });
}

export function tableFacts(content: FileContent): TableFacts {
  let facts = tables.get(content);
  if (!facts) {
    const { footer, properties, problem, blocks } = frameTable(content.bytes);
    facts = { footer, properties, problem, badBlock: blocks.find((block) => !block.verifies)?.offset };
    tables.set(content, facts);
  }
  return facts;
}

function remembered<T>(
  memory: WeakMap<FileContent, Map<string, T>>,
  content: FileContent,
  key: string,
  make: () => T,
): T {
  let byKey = memory.get(content);
  if (!byKey) memory.set(content, (byKey = new Map()));
  let facts = byKey.get(key);
  if (facts === undefined) byKey.set(key, (facts = make()));
  return facts;
}

function tornText({ end, length, promise }: FramedLog): string | undefined {
  if (promise) return promiseText(end.offset, promise.offset);
  if (end.offset === length) return undefined;
  return end.kind === "cleanEnd" ? `bytes behind CLEAN END at ${end.offset}` : `${end.problem} at ${end.problemOffset}`;
}

function promiseText(end: number, offset: number): string {
  return `ends at ${end}, but the chunk at ${offset} promises more`;
}
