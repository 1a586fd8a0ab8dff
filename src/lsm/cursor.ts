import { bufferView, EMPTY, toBytes, type BytesLike } from "../common/bytes.ts";
import { TinyKVError } from "../common/errors.ts";
import type { Pin } from "./cursor-pins.ts";
import type { Snapshot } from "./snapshots.ts";
import type { VisibleCursor } from "./visible-cursor.ts";

export interface CursorOptions {
  readonly snapshot?: Snapshot;
  /** The first key that may be seen. */
  readonly lower?: BytesLike;
  /** The first key that may not be seen any more. */
  readonly upper?: BytesLike;
}

/**
 * A position among the visible entries, frozen at the moment of its creation: later writes are not seen. A new cursor
 * is not valid until it is moved. `key` and `value` are views, good until the next move, to be read and not written to: what
 * is written there may be written to the store. Close it: an open cursor keeps the files and the memory of its moment alive. Every call throws CLOSED after close(), and after the store was closed.
 */
export class Cursor implements Disposable {
  readonly #pin: Pin;
  readonly #entries: VisibleCursor;
  #keyView: Uint8Array = EMPTY;
  #key: Buffer = asBuffer(EMPTY);
  #value: Uint8Array = EMPTY;
  /** Whether a view was given to the caller since the last move. */
  #hasGiven = false;

  /** @internal Made by Database.cursor(). */
  constructor(pin: Pin, entries: VisibleCursor) {
    this.#pin = pin;
    this.#entries = entries;
  }

  /** Whether it stands on an entry. */
  get valid(): boolean {
    return this.#use().valid;
  }

  get key(): Buffer {
    const { key } = this.#onEntry();
    this.#hasGiven = true;
    // Neighbouring keys of one length come as the same view of a buffer that is used again: so does this one.
    if (key !== this.#keyView) {
      this.#keyView = key;
      this.#key = asBuffer(key);
    }
    return this.#key;
  }

  get value(): Buffer {
    this.#value = this.#onEntry().value;
    this.#hasGiven = true;
    return asBuffer(this.#value);
  }

  first(): boolean {
    const entries = this.#move();
    try {
      entries.first();
    } catch (error) {
      throw this.#told(error);
    }
    return entries.valid;
  }

  last(): boolean {
    const entries = this.#move();
    try {
      entries.last();
    } catch (error) {
      throw this.#told(error);
    }
    return entries.valid;
  }

  /** To the first entry at or after `key`. */
  seek(key: BytesLike): boolean {
    const bytes = toBytes(key, "key");
    const entries = this.#move();
    try {
      entries.seek(bytes);
    } catch (error) {
      throw this.#told(error);
    }
    return entries.valid;
  }

  /** To the last entry at or before `key`. */
  seekForPrev(key: BytesLike): boolean {
    const bytes = toBytes(key, "key");
    const entries = this.#move();
    try {
      entries.seekForPrev(bytes);
    } catch (error) {
      throw this.#told(error);
    }
    return entries.valid;
  }

  /** To the next entry; nothing when not valid. Like every move it answers whether the cursor is valid now. */
  next(): boolean {
    const entries = this.#move();
    try {
      entries.next();
    } catch (error) {
      throw this.#told(error);
    }
    return entries.valid;
  }

  prev(): boolean {
    const entries = this.#move();
    try {
      entries.prev();
    } catch (error) {
      throw this.#told(error);
    }
    return entries.valid;
  }

  /** Lets go of what it keeps alive; twice is nothing. */
  close(): void {
    // Views that no move has ended are good for as long as the caller has them.
    if (this.#hasGiven) for (const view of [this.#keyView, this.#value]) this.#pin.memtables.spoil(view.buffer);
    this.#hasGiven = false;
    this.#pin.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #told(error: unknown): unknown {
    this.#pin.tell(error);
    return error;
  }

  #move(): VisibleCursor {
    this.#hasGiven = false;
    return this.#use();
  }

  #use(): VisibleCursor {
    this.#pin.use("cursor");
    return this.#entries;
  }

  #onEntry(): VisibleCursor {
    const entries = this.#use();
    if (!entries.valid) throw new TinyKVError("TINYKV_INVALID_ARGUMENT", "the cursor is not on an entry");
    return entries;
  }
}

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : bufferView(bytes.buffer, bytes.byteOffset, bytes.length);
}
