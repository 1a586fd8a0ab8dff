// Tier 2: everything that may be asked of a recovered store. A read-only open answers the same and changes no byte; all
// read paths agree, and a reader of the files with them; flush, compaction, a reopen bring nothing back; what is written now wins, and survives a power cut;
// after a clean close power loss loses nothing.

import type { Capability } from "../capabilities.ts";
import type { Condition } from "../conditions.ts";
import { ImageEnv } from "../disk/image-env.ts";
import type { ContentStore, Image } from "../disk/image.ts";
import type { Interceptor } from "../disk/recording-env.ts";
import { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { TraceEvent } from "../disk/trace.ts";
import type { EngineStore } from "../engine.ts";
import { entriesOf, executeWrite } from "../engine-calls.ts";
import { Failure } from "../failure.ts";
import { checkEverything } from "../full-check.ts";
import type { Key } from "../keys.ts";
import { Model, type ModelEntry } from "../model.ts";
import { changesOf, type SyncWriteOp } from "../op.ts";
import { Oracle } from "../oracle.ts";
import { sameDigest } from "../digest.ts";
import { summarise } from "../recovered.ts";
import { spaceProblem } from "../space.ts";
import { offers } from "../unsupported.ts";
import {
  closedStructureProblem,
  failed,
  mount,
  type Mounted,
  type OpenerOptions,
  readByInspector,
  structureProblem,
} from "./image-opener.ts";
import { STORE } from "./recorded-run.ts";

/** Where it failed: what the store had last been asked to do. */
export type TierTwoPhase = "read-only" | "reads" | "flush" | "compact" | "write" | "crash again" | "close" | "reopen";

export interface TierTwoFailure {
  readonly phase: TierTwoPhase;
  readonly failure: Failure;
}

/** Values of tier 2 are issued from here on, far above those of any log. */
const FIRST_ID = 2 ** 40;
const VALUE_BYTES = 40;

/** Runs all of it on an image whose recovered state is `entries`; undefined if nothing is wrong. */
export function tierTwo(
  image: Image,
  options: OpenerOptions,
  { seed, entries }: { readonly seed: number; readonly entries: readonly ModelEntry[] },
): TierTwoFailure | undefined {
  const run = new TierTwo(image, options, seed, entries);
  try {
    run.readOnly();
    run.writable();
    return undefined;
  } catch (error) {
    return { phase: run.phase, failure: failed("C8", `${run.phase} threw`, error) };
  }
}

class TierTwo {
  phase: TierTwoPhase = "read-only";
  readonly #image: Image;
  readonly #options: OpenerOptions;
  readonly #seed: number;
  readonly #model = new Model();
  readonly #contents: ContentStore;
  readonly #capabilities: ReadonlySet<Capability>;

  constructor(image: Image, options: OpenerOptions, seed: number, entries: readonly ModelEntry[]) {
    this.#image = image;
    this.#options = options;
    this.#seed = seed;
    this.#contents = options.contents;
    this.#capabilities = options.makeEngine(new ImageEnv()).capabilities;
    this.#model.apply(entries.map(([key, value]) => ({ kind: "put", key, value })));
  }

  readOnly(): void {
    if (!this.#capabilities.has("readOnly")) return;
    let mounted: Mounted;
    try {
      mounted = mount(this.#image, this.#options, { seed: this.#seed, mode: { readOnly: true, create: false } });
    } catch (error) {
      // An unfinished create holds nothing.
      if (codeOf(error) === "TINYKV_DOES_NOT_EXIST" && this.#model.size === 0) return;
      throw failed("C11", "a read-only open of the image threw", error);
    }
    this.#expectState(mounted.store, "C11");
    mounted.store.close();
    if (mounted.disk.capture(this.#contents).key !== this.#image.key) {
      throw new Failure("C11", "a read-only open changed the disk");
    }
  }

  writable(): void {
    const watched = new WatchedDisk(this.#image, this.#contents);
    const mounted = this.#open(this.#image, { watched });
    const { store, disk } = mounted;
    this.#during("reads", () => {
      this.#checkReads(store);
      this.#checkFiles(disk);
    });
    this.#during("flush", () => {
      store.flush();
      this.#expectState(store, "C7");
    });
    this.#during("compact", () => {
      store.compactRange();
      this.#expectState(store, "C7");
      this.#throwIf(spaceProblem(disk.capture(this.#contents), STORE, this.#model.scan(), this.#options.config));
      this.#checkStructure(mounted);
    });
    this.#during("write", () => {
      for (const op of this.#newWrites()) {
        if (offers(() => executeWrite(store, op))) this.#model.apply(changesOf(op));
      }
      this.#expectState(store, "C12");
      this.#checkFiles(disk);
    });
    this.#during("crash again", () => this.#afterPowerCut(watched, "C12"));
    this.#during("close", () => {
      store.close();
      this.#throwIf(closedStructureProblem(disk, this.#contents));
      this.#afterPowerCut(watched, "C13", ",walRecoveryMode=absolute");
    });
    this.#during("reopen", () => {
      const again = this.#open(disk.capture(this.#contents));
      this.#expectState(again.store, "C11");
      this.#checkStructure(again);
      again.store.close();
    });
  }

  #during(phase: TierTwoPhase, action: () => void): void {
    this.phase = phase;
    action();
  }

  #open(image: Image, { watched, condition = "C1", options = this.#options }: Opening = {}): Mounted {
    try {
      return mount(image, options, { seed: this.#seed, ...(watched && { interceptor: watched }) });
    } catch (error) {
      throw failed(condition, "open threw", error);
    }
  }

  // The disk loses all that it may, and the store is opened on what is left.
  #afterPowerCut(watched: WatchedDisk, condition: Condition, changes = ""): void {
    const options = { ...this.#options, config: this.#options.config + changes };
    const { store } = this.#open(watched.disk.imageNone(), { condition, options });
    this.#expectState(store, condition);
  }

  #checkReads(store: EngineStore): void {
    checkEverything(store, this.#model, this.#capabilities);
  }

  // The files hold what the store serves, for whoever reads them.
  #checkFiles(disk: ImageEnv): void {
    const { digest } = readByInspector(disk, this.#contents);
    if (!sameDigest(digest, this.#model.digestAt()))
      throw new Failure("C8", "the inspector reads another state out of the files");
  }

  #checkStructure({ store, disk }: Mounted): void {
    const problem = store.verify()[0];
    if (problem !== undefined) throw new Failure("C15", `verify: ${problem}`);
    this.#throwIf(structureProblem(store, disk, this.#contents));
    this.#checkFiles(disk);
  }

  #throwIf(failure: Failure | undefined): void {
    if (failure) throw failure;
  }

  #expectState(store: EngineStore, condition: Condition): void {
    const { digest, foreign, outOfOrder } = summarise(entriesOf(store));
    if (!foreign && !outOfOrder && sameDigest(digest, this.#model.digestAt())) return;
    const oracle = new Oracle();
    oracle.model.apply(this.#model.scan().map(([key, value]) => ({ kind: "put", key, value })));
    const verdict = oracle.judge({ least: 1, most: 1, tail: [] }, entriesOf(store));
    const message = verdict.ok ? "two scans differ" : verdict.violation.message;
    throw new Failure(condition, message, undefined, verdict.ok ? {} : { keys: verdict.violation.keys });
  }

  // An overwrite, a deletion, a new key, all with sync: what is durable then must be all of it.
  #newWrites(): SyncWriteOp[] {
    const keys = this.#model.scan({ limit: 2 }).map(([key]) => key);
    const put = (id: number, key: Key): SyncWriteOp => {
      const value = { incarnation: 1, id: FIRST_ID + id, length: VALUE_BYTES };
      return { id: FIRST_ID + id, kind: "put", key, value, sync: true };
    };
    const writes = [put(1, "tier two")];
    if (keys[0] !== undefined) writes.push(put(2, keys[0]));
    if (keys[1] !== undefined) writes.push({ id: FIRST_ID + 3, kind: "delete", key: keys[1], sync: true });
    return writes;
  }
}

interface Opening {
  readonly watched?: WatchedDisk;
  /** That does not hold if the open throws. */
  readonly condition?: Condition;
  readonly options?: OpenerOptions;
}

/** A simulated disk that follows a mounted one. */
class WatchedDisk implements Interceptor {
  readonly disk: SimulatedDisk;
  #time = 0;

  constructor(image: Image, contents: ContentStore) {
    this.disk = new SimulatedDisk(image, contents);
  }

  after(event: TraceEvent): void {
    this.disk.apply(event, ++this.#time);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as { code?: unknown }).code : undefined;
}
