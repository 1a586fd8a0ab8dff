/** The answer of one layer: this layer knows that the key is deleted, and no older layer need be asked. */
export const TOMBSTONE: unique symbol = Symbol("tombstone");

/** What one layer knows of a key: a copy of its value, that it is deleted, or nothing. */
export type Lookup = Buffer | typeof TOMBSTONE | undefined;

/** What a look-up is made for. When only the presence is wanted, the value that is found is empty. */
export type Wanted = "value" | "presence";

/** In place of a value that is there and not wanted. */
export const PRESENT: Buffer = Buffer.alloc(0);
