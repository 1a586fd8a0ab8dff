import { EMPTY } from "../common/bytes.ts";

const BYTES_AT_FIRST = 64;

/**
 * A key put together from its block's prefix and its own suffix, in a buffer that the next key overwrites. Keys of one length
 * are handed out as the same view: a scan makes no garbage for them.
 */
export class AssembledKey {
  view: Uint8Array = EMPTY;
  #buffer: Uint8Array = new Uint8Array(BYTES_AT_FIRST);
  /** What `view` is a view of. */
  #viewed: Uint8Array = EMPTY;
  #hasPrefix = false;

  /** The next keys are of another block. */
  forgetPrefix(): void {
    this.#hasPrefix = false;
  }

  /** Of the `prefix` bytes at `prefixStart` and those from `start` to `end`. */
  assemble(bytes: Uint8Array, prefixStart: number, prefix: number, start: number, end: number): void {
    const length = prefix + end - start;
    if (this.#buffer.length < length) {
      this.#buffer = new Uint8Array(2 * length);
      this.#hasPrefix = false;
    }
    const buffer = this.#buffer;
    if (!this.#hasPrefix) {
      buffer.set(bytes.subarray(prefixStart, prefixStart + prefix));
      this.#hasPrefix = true;
    }
    for (let to = prefix, from = start; to < length; to++, from++) buffer[to] = bytes[from]!;
    if (this.view.length !== length || this.#viewed !== buffer) {
      this.#viewed = buffer;
      this.view = buffer.subarray(0, length);
    }
  }
}
