// What repair() did, and exactly what it could not bring back.

/** A stretch of user keys; a bound that is absent is not known. */
export interface LostKeys {
  /** The first key that may be lost. */
  readonly from?: Buffer;
  /** Or the last one before them. */
  readonly after?: Buffer;
  /** The last key that may be lost. */
  readonly upTo?: Buffer;
}

/** Sequence numbers from `least` to `greatest`, both included, among which those that are lost lie. */
export interface LostSequences {
  readonly least: number;
  readonly greatest: number;
}

export interface LostBytes {
  readonly offset: number;
  readonly length: number;
  readonly problem: string;
}

/** What could not be read of one file, and what had been in it as far as other bytes tell. */
export interface LostPart {
  readonly file: string;
  /** For a file that is not there one entry, whose length is 0 where nothing tells its size. */
  readonly damage: readonly LostBytes[];
  /** Of a table. Empty: nothing tells. */
  readonly keys: readonly LostKeys[];
  /** Empty: nothing tells. */
  readonly sequences: readonly LostSequences[];
  /** Older files whose entries were taken for these keys; deleted keys may be among them. */
  readonly filledFrom: readonly string[];
}

/** A file that repair looked at. */
export interface RepairedFile {
  readonly file: string;
  /** "torn": a log whose last bytes were being written, or are damaged where nothing witnesses that; they do not count. A recycled
   *  log's earlier life looks the same. */
  readonly state: "whole" | "torn" | "damaged" | "missing";
  /** "merged": all that is readable of it; "gaps": only where what replaced it is damaged; "unused"; "rebuilt": CURRENT and manifests. */
  readonly use: "merged" | "gaps" | "unused" | "rebuilt";
  /** Why it was used in this way. */
  readonly reason: string;
  /** Puts and deletes taken from it. */
  readonly entries: number;
}

export interface RepairReport {
  /** Nothing that the store needs is known to be lost. */
  readonly ok: boolean;
  /** False: the store was sound, and not a byte of it was changed. */
  readonly rebuilt: boolean;
  /** False: no whole manifest says which tables there should be, so that one that is gone altogether is not missed. */
  readonly isCertain: boolean;
  readonly files: readonly RepairedFile[];
  readonly lost: readonly LostPart[];
  /** Files that repair put into lost/, by their names there. */
  readonly moved: readonly string[];
  /** Of the store as it is now. */
  readonly tables: number;
  readonly entries: number;
  readonly lastSequence: number;
}
