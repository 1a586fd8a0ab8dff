// The limits of docs/formats.md.

/** Of a user key. */
export const KEY_BYTES_MAX: number = 1 << 20;
/** Of a value. */
export const VALUE_BYTES_MAX: number = 512 << 20;
/** The greatest sequence number, and the greatest file number. */
export const NUMBER_MAX: number = Number.MAX_SAFE_INTEGER;
