import { TinyKVError } from "../common/errors.ts";
import type { MemtableHold } from "./memtable-memory.ts";
import { tellCorruption } from "./read-path.ts";
import type { Readable } from "./store.ts";
import type { Version } from "./version.ts";

/**
 * What one cursor or iteration holds: the memtables of its moment, a version (whose files therefore stay), and its place
 * among the open ones, which close() ends.
 */
export class Pin {
  readonly version: Version;
  readonly memtables: MemtableHold;
  readonly #owner: CursorPins;
  #state: "open" | "released" | "closed" = "open";

  /** @internal */
  constructor(owner: CursorPins, version: Version, memtables: MemtableHold) {
    this.#owner = owner;
    this.version = version;
    this.memtables = memtables;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** CLOSED after release() or after the store closed. */
  use(what: string): void {
    if (this.#state !== "open") {
      throw new TinyKVError(
        "TINYKV_CLOSED",
        this.#state === "closed" ? `${what}: the store is closed` : `${what} is closed`,
      );
    }
  }

  /** Damage that a read met is told to listeners; the read throws it all the same. */
  tell(error: unknown): void {
    this.#owner.tell(error);
  }

  /** Twice is nothing. */
  release(): void {
    if (this.#state !== "open") return;
    this.#state = "released";
    this.#owner.letGo(this);
  }

  /** @internal The store closes. */
  closed(): void {
    this.#state = "closed";
  }
}

/** The open cursors and iterations of a store. */
export class CursorPins {
  readonly #store: Readable;
  readonly #afterRelease: () => void;
  readonly #open = new Set<Pin>();

  /** `afterRelease` removes the files that nobody needs any more. */
  constructor(store: Readable, afterRelease: () => void) {
    this.#store = store;
    this.#afterRelease = afterRelease;
  }

  take(): Pin {
    const pin = new Pin(this, this.#store.pins.pin(this.#store.pins.current), this.#store.holdMemtables());
    this.#open.add(pin);
    this.#store.counters.cursors = this.#open.size;
    return pin;
  }

  letGo(pin: Pin): void {
    this.#open.delete(pin);
    this.#store.counters.cursors = this.#open.size;
    pin.memtables.release();
    this.#store.pins.unpin(pin.version);
    this.#afterRelease();
  }

  tell(error: unknown): void {
    tellCorruption(this.#store.context, error);
  }

  /** Memtables stay held: a caller may have views of them, and the store may still have to write before it is closed. */
  closeAll(): void {
    for (const pin of this.#open) {
      pin.closed();
      this.#store.pins.unpin(pin.version);
    }
    this.#open.clear();
    this.#store.counters.cursors = 0;
  }
}
