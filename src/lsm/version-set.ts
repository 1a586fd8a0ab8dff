import { assert } from "../common/assert.ts";
import type { LogWriter } from "../wal/log-writer.ts";
import { installCurrent, writeManifest, type ManifestState } from "./manifest.ts";
import { manifestName } from "./file-names.ts";
import type { ObsoleteFiles } from "./obsolete-files.ts";
import { closeUnneeded, type StoreContext } from "./store-context.ts";
import type { TableMeta } from "./table-meta.ts";
import { encodeEdit, type VersionEdit } from "./version-edit.ts";
import { VersionPins } from "./version-pins.ts";
import type { Version } from "./version.ts";

/** The manifest may outgrow its own snapshot this many times before it is written anew. */
const SNAPSHOTS_PER_MANIFEST = 4;

/**
 * The current version and the manifest that makes its changes durable; issues file numbers.
 *
 * Invariants:
 *   - a version is published only after its edit is durable in the manifest;
 *   - a file number is issued once, failed files included;
 *   - the last sequence number never decreases.
 */
export class VersionSet {
  readonly #context: StoreContext;
  readonly #obsolete: ObsoleteFiles;
  readonly #pins: VersionPins;
  readonly #compactionCursors: Map<number, Uint8Array>;
  /** Manifests whose creation failed half way: CURRENT may name them, so they stay until a later one is durable. */
  #doubtful: number[] = [];
  #manifest: LogWriter;
  #manifestNumber: number;
  #snapshotSize: number;
  #logNumber: number;
  #nextFileNumber: number;
  #lastSequence: number;

  /** `manifest` holds `state`'s snapshot alone, durable and named by CURRENT. */
  constructor(context: StoreContext, obsolete: ObsoleteFiles, state: ManifestState, manifest: LogWriter) {
    this.#context = context;
    this.#obsolete = obsolete;
    this.#pins = new VersionPins(state.version, ({ number, tag }) => obsolete.condemn("table", number, tag));
    this.#compactionCursors = new Map(state.compactionCursors);
    this.#logNumber = state.logNumber;
    this.#nextFileNumber = state.nextFileNumber;
    this.#lastSequence = state.lastSequence;
    this.#manifest = manifest;
    this.#manifestNumber = manifest.header.fileNumber;
    this.#snapshotSize = manifest.size;
  }

  get current(): Version {
    return this.#pins.current;
  }

  get pins(): VersionPins {
    return this.#pins;
  }

  /** Logs below this number are not needed. */
  get logNumber(): number {
    return this.#logNumber;
  }

  get nextFileNumber(): number {
    return this.#nextFileNumber;
  }

  /** The greatest sequence number whose write is visible. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  get compactionCursors(): ReadonlyMap<number, Uint8Array> {
    return this.#compactionCursors;
  }

  get manifest(): { readonly number: number; readonly size: number; readonly writer: LogWriter } {
    return { number: this.#manifestNumber, size: this.#manifest.size, writer: this.#manifest };
  }

  newFileNumber(): number {
    assert(Number.isSafeInteger(this.#nextFileNumber + 1), "file numbers are exhausted");
    return this.#nextFileNumber++;
  }

  /** The first of `count` numbers that nobody else gets. */
  reserveFileNumbers(count: number): number {
    const first = this.#nextFileNumber;
    assert(Number.isSafeInteger(first + count), "file numbers are exhausted");
    this.#nextFileNumber += count;
    return first;
  }

  publishSequence(sequence: number): void {
    assert(sequence >= this.#lastSequence, "the last sequence number never decreases");
    this.#lastSequence = sequence;
  }

  /** What a manifest written now would start with. */
  state(): ManifestState {
    return {
      comparatorName: this.#context.options.comparator.name,
      databaseId: this.#context.databaseId,
      logNumber: this.#logNumber,
      nextFileNumber: this.#nextFileNumber,
      lastSequence: this.#lastSequence,
      version: this.current,
      compactionCursors: this.#compactionCursors,
    };
  }

  /**
   * Makes an edit durable, then current. On an error the edit may or may not be in the manifest: the store has then
   * failed, and the files that the edit names must stay.
   */
  commit(edit: VersionEdit): void {
    const { health, options } = this.#context;
    health.refuseIfFailed();
    if (this.#manifest.size > this.#manifestSizeMost()) this.rotateManifest();
    const next = this.current.apply(edit);
    if (options.paranoid) assert(next.problems().length === 0, `a version is sound: ${next.problems()[0]}`);
    const numbered = { ...edit, nextFileNumber: this.#nextFileNumber, lastSequence: this.#lastSequence };
    health.orFail(() => this.#manifest.append(encodeEdit(numbered)));
    health.sync(() => this.#manifest.sync("flush.manifest"));
    for (const { level, key } of edit.compactionCursors ?? []) this.#compactionCursors.set(level, key);
    this.#logNumber = edit.logNumber ?? this.#logNumber;
    this.#pins.setCurrent(next);
  }

  /** Starts a new manifest with the current state. */
  rotateManifest(): void {
    this.#rewrite(this.current, this.#logNumber);
  }

  /**
   * Starts a new manifest with more tables, asking for logs from `logNumber` on: what resume() does in place of an edit.
   * The old manifest is condemned once CURRENT is durable.
   */
  rewriteManifest(added: readonly TableMeta[], logNumber: number): void {
    this.#rewrite(this.current.apply({ added: added.map((table) => ({ level: 0, table })) }), logNumber);
  }

  #rewrite(version: Version, logNumber: number): void {
    const { env, path, health, options, events } = this.#context;
    const number = this.newFileNumber();
    const plan = {
      env,
      directory: path,
      number,
      blockSize: options.logBlockSize,
      state: { ...this.state(), version, logNumber },
      durably: (action: () => void) => health.sync(action),
    };
    this.#doubtful.push(number);
    const writer = health.orFail(() => writeManifest(plan));
    try {
      health.orFail(() => installCurrent(plan));
    } catch (error) {
      closeUnneeded(this.#context, writer);
      throw error;
    }
    closeUnneeded(this.#context, this.#manifest);
    for (const dead of [this.#manifestNumber, ...this.#doubtful]) {
      if (dead !== number) this.#obsolete.condemn("manifest", dead);
    }
    this.#doubtful = [];
    this.#manifest = writer;
    this.#manifestNumber = number;
    this.#snapshotSize = writer.size;
    this.#logNumber = logNumber;
    if (version !== this.current) this.#pins.setCurrent(version);
    events.emit("manifestCreated", { file: manifestName(number) });
  }

  closeManifest(): void {
    this.#manifest.close();
  }

  #manifestSizeMost(): number {
    return Math.max(this.#context.options.maxManifestFileSize, SNAPSHOTS_PER_MANIFEST * this.#snapshotSize);
  }
}
