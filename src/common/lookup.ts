/** The answer of one layer: this layer knows that the key is deleted, and no older layer need be asked. */
export const TOMBSTONE: unique symbol = Symbol("tombstone");

/** What one layer knows of a key: its value (a view), that it is deleted, or nothing. */
export type Lookup = Uint8Array | typeof TOMBSTONE | undefined;
