import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";

/** The counts that a table keeps of itself: the builder makes them, verification makes them again. */
export interface TableTotals {
  readonly entries: number;
  readonly deletes: number;
  readonly rangeDeletes: number;
  readonly rawKeyBytes: number;
  readonly rawValueBytes: number;
  readonly leastSequence: number;
  readonly greatestSequence: number;
}

export class TableCounters {
  #entries = 0;
  #deletes = 0;
  #rangeDeletes = 0;
  #rawKeyBytes = 0;
  #rawValueBytes = 0;
  #leastSequence = SEQUENCE_MAX;
  #greatestSequence = 0;

  get entries(): number {
    return this.#entries;
  }

  add(keyLength: number, sequence: number, kind: number, valueLength: number): void {
    this.#entries++;
    if (kind === Kind.delete) this.#deletes++;
    this.#count(keyLength, sequence, valueLength);
  }

  /** The end of a range counts as a value. */
  addRange(startLength: number, sequence: number, endLength: number): void {
    this.#rangeDeletes++;
    this.#count(startLength, sequence, endLength);
  }

  totals(): TableTotals {
    return {
      entries: this.#entries,
      deletes: this.#deletes,
      rangeDeletes: this.#rangeDeletes,
      rawKeyBytes: this.#rawKeyBytes,
      rawValueBytes: this.#rawValueBytes,
      leastSequence: this.#leastSequence,
      greatestSequence: this.#greatestSequence,
    };
  }

  #count(keyLength: number, sequence: number, valueLength: number): void {
    this.#rawKeyBytes += keyLength;
    this.#rawValueBytes += valueLength;
    if (sequence < this.#leastSequence) this.#leastSequence = sequence;
    if (sequence > this.#greatestSequence) this.#greatestSequence = sequence;
  }
}
