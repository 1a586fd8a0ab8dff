import type { Options } from "tinykv";

/** "refused": a CorruptionError of open(); "reported": that, or problems that verify() finds; else what the store holds. */
export type ForgedVerdict = "refused" | "reported" | Readonly<Record<string, string>>;

export interface Forged {
  readonly what: string;
  readonly expected: ForgedVerdict;
  /** How it is opened, beside manually and without making one. */
  readonly options?: Options;
  /** The files that an open tells to be damaged, and opens nevertheless; default: none. */
  readonly told?: readonly string[];
  /** The last sequence number at least, behind an open. */
  readonly lastSequence?: number;
  /** The files of the store. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}
