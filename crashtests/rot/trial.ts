// One case of the campaign: which store, which damage, how it is opened; and what may come of it.

import type { WalRecoveryMode } from "tinykv";
import type { Damage } from "./damage.ts";
import type { Subject } from "./subject.ts";

export const ACCESSES = ["read-only", "for writing"] as const;
export const MODES: readonly WalRecoveryMode[] = ["pointInTime", "absolute", "skipCorrupted"];

/**
 * detected      CorruptionError of open or of a read, or a problem that verify() reports; nothing removed
 * salvaged      skipCorrupted: all but what db.recovery lists, and that is in lost/
 * harmless      every answer right
 * tear          the newest log of a store not closed, nothing that had been synced: the writes before the damage
 * undetectable  the same, and writes that had been synced are gone with it; docs/guarantees.md, "What is not promised"
 */
export const OUTCOMES = ["detected", "salvaged", "harmless", "tear", "undetectable"] as const;

export type Outcome = (typeof OUTCOMES)[number];

export interface Trial {
  readonly subject: Subject;
  readonly damage: Damage;
  readonly access: (typeof ACCESSES)[number];
  readonly mode: WalRecoveryMode;
}

export type Verdict =
  | { readonly outcome: Outcome; readonly wrong?: undefined }
  | { readonly outcome: "wrong"; readonly wrong: string };

/** How a case is named on the command line. */
export function nameOf({ subject, damage, access, mode }: Trial): string {
  return [subject.name, access.replace(" ", "-"), mode, damage.file, damage.name].join(":");
}
