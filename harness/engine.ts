import type { Capability } from "./capabilities.ts";
import type { Durability } from "./oracle.ts";

/** What `--engine` and op logs call ours. */
export const OWN_ENGINE = "tinykv";

/** One change of a batch as an engine takes it. */
export type EngineChange =
  | { readonly kind: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: "delete"; readonly key: Buffer }
  | { readonly kind: "deleteRange"; readonly from: Buffer; readonly to: Buffer };

export interface EngineRange {
  readonly gt?: Buffer;
  readonly gte?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer;
  readonly prefix?: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly keys?: boolean;
  readonly values?: boolean;
}

/** What was asked for, in order; undefined stands for the half that was not. */
export type EngineEntry = readonly [key: Buffer | undefined, value: Buffer | undefined];

/** A snapshot as its engine knows it: opaque to the runner. */
export interface EngineSnapshot {
  close(): void;
}

/** Moves answer whether the cursor stands on an entry. */
export interface EngineCursor {
  first(): boolean;
  last(): boolean;
  next(): boolean;
  prev(): boolean;
  seek(key: Buffer): boolean;
  seekForPrev(key: Buffer): boolean;
  readonly key: Buffer;
  readonly value: Buffer;
  close(): void;
}

/** An open store. Calls for what the engine's capabilities lack are never made. */
export interface EngineStore {
  put(key: Buffer, value: Buffer, sync: boolean): void;
  delete(key: Buffer, sync: boolean): void;
  deleteRange(from: Buffer, to: Buffer, sync: boolean): void;
  batch(changes: readonly EngineChange[], sync: boolean): void;
  /** The same, called at once, done when the promise resolves; in the order of the calls. */
  putAsync(key: Buffer, value: Buffer, sync: boolean): Promise<void>;
  deleteAsync(key: Buffer, sync: boolean): Promise<void>;
  batchAsync(changes: readonly EngineChange[], sync: boolean): Promise<void>;
  get(key: Buffer, snapshot?: EngineSnapshot): Buffer | undefined;
  getMany(keys: readonly Buffer[]): (Buffer | undefined)[];
  has(key: Buffer): boolean;
  scan(range: EngineRange, snapshot?: EngineSnapshot): Iterable<EngineEntry>;
  snapshot(): EngineSnapshot;
  cursor(options: { snapshot?: EngineSnapshot; lower?: Buffer; upper?: Buffer }): EngineCursor;
  flush(): void;
  compactRange(from?: Buffer, to?: Buffer): void;
  sync(): void;
  /** One step of the job at this place, modulo their number; absent: any. */
  step(job?: number): void;
  checkpoint(directory: string): void;
  /** Problems found; empty when the store is sound. */
  verify(): readonly string[];
  resume(): void;
  /** Log records that the open brought back. */
  replayedRecords(): number;
  /** What the store says has failed without any call that failed; undefined while all is well. */
  complaint(): string | undefined;
  /** Background work comes to its end, and then everything is merged: what the levels should not be like then. */
  settle(): readonly string[];
  /** What must hold of the directory while the store is open, or after close() (`open` false): problems found. */
  inspect(): readonly string[];
  close(): void;
}

export interface Engine {
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly durability: Durability;
  /** Opens (creating) the store in a directory under a configuration (configurations.ts). */
  open(
    directory: string,
    config: string,
    mode?: { readonly readOnly?: boolean; readonly create?: boolean },
  ): EngineStore;
  /** Removes a store. */
  destroy(directory: string): void;
}
