import { TinyKVError } from "../common/errors.ts";

/** A moment that reads can go back to; it keeps compactions from dropping what it sees. */
export class Snapshot implements Disposable {
  /** Every write up to this number is seen, none after. */
  readonly sequenceNumber: number;
  readonly #owner: Snapshots;
  #open = true;

  /** @internal Made by Database.snapshot(). */
  constructor(owner: Snapshots, sequenceNumber: number) {
    this.#owner = owner;
    this.sequenceNumber = sequenceNumber;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Lets go of what it keeps alive; twice is nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.release(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  belongsTo(owner: Snapshots): boolean {
    return this.#owner === owner;
  }
}

/** The live snapshots of one open store. */
export class Snapshots {
  readonly #live = new Set<Snapshot>();

  get count(): number {
    return this.#live.size;
  }

  take(sequence: number): Snapshot {
    const snapshot = new Snapshot(this, sequence);
    this.#live.add(snapshot);
    return snapshot;
  }

  release(snapshot: Snapshot): void {
    this.#live.delete(snapshot);
  }

  /** Their sequence numbers, ascending, each once. */
  sequences(): number[] {
    return [...new Set([...this.#live].map((snapshot) => snapshot.sequenceNumber))].sort((a, b) => a - b);
  }

  /** The least of their sequence numbers; asked at every write. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    for (const { sequenceNumber } of this.#live) {
      if (oldest === undefined || sequenceNumber < oldest) oldest = sequenceNumber;
    }
    return oldest;
  }

  /** The number a read at `snapshot` sees; CLOSED for a closed one, INVALID_ARGUMENT for another store's. */
  sequenceOf(snapshot: Snapshot): number {
    if (!(snapshot instanceof Snapshot) || !snapshot.belongsTo(this)) {
      throw new TinyKVError("TINYKV_INVALID_ARGUMENT", "snapshot is not one of this store");
    }
    if (!snapshot.isOpen) throw new TinyKVError("TINYKV_CLOSED", "snapshot is closed");
    return snapshot.sequenceNumber;
  }

  /** The store closes: later uses throw CLOSED. */
  closeAll(): void {
    for (const snapshot of Array.from(this.#live)) snapshot.close();
  }
}
