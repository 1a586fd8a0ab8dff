/** The unit in which a file's bytes reach the disk; what Linux caches and writes back on most machines. */
export const PAGE_BYTES = 4096;
/** A torn page is old or new in units of this: what every disk promises to write whole. */
export const SECTOR_BYTES = 512;
