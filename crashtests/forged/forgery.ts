/** "refused": a CorruptionError of open(); "reported": that, or problems that verify() finds; else what the store holds. */
export type ForgedVerdict = "refused" | "reported" | Readonly<Record<string, string>>;

export interface Forged {
  readonly what: string;
  readonly expected: ForgedVerdict;
  /** The files of the store. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}
