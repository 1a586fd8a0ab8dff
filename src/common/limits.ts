// Limits of the format that callers meet. Beyond them: INVALID_ARGUMENT before anything is written.

/** A key is held in memory many times over (index, bounds, heads): 1 MiB is far above any use and bounds them all. */
export const KEY_BYTES_MAX: number = 1 << 20;
/** A value is held whole in a block: 512 MiB leaves room below the 2 GiB that one write call takes. */
export const VALUE_BYTES_MAX: number = 512 << 20;
/** An encoded batch is one log record and one write: 1 GiB, below the same 2 GiB. */
export const BATCH_BYTES_MAX: number = 1 << 30;
/** A comparator's name in bytes of UTF-8; it stands in the first chunk of every log, which must fit the smallest block. */
export const COMPARATOR_NAME_BYTES_MAX = 255;
