// The limits of docs/formats.md.

/** Of a user key. */
export const KEY_BYTES_MAX: number = 1 << 20;
/** Of a value. */
export const VALUE_BYTES_MAX: number = 512 << 20;
/** Of a file: names go on to NUMBER_MAX, but no store gets there. */
export const FILE_NUMBER_MAX: number = 2 ** 52;
/** The greatest sequence number, and the greatest integer of the format. */
export const NUMBER_MAX: number = Number.MAX_SAFE_INTEGER;
