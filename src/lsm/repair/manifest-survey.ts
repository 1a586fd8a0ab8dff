// What a manifest tells when it may be damaged: every edit that can be read, for what it is worth. Unlike an open, which
// refuses what it cannot be sure of, repair takes it as one witness among others.

import type { KeyOrder } from "../../common/comparator.ts";
import { TinyKVError } from "../../common/errors.ts";
import type { Env } from "../../util/env.ts";
import type { CleanEnd } from "../../wal/log-format.ts";
import { manifestName } from "../file-names.ts";
import { inspectManifest } from "../manifest-inspection.ts";
import { joinPath } from "../store-context.ts";
import type { TableMeta } from "../table-meta.ts";
import type { VersionEdit } from "../version-edit.ts";
import type { ManifestFact } from "./liveness.ts";
import type { LostBytes } from "./report.ts";

export interface ManifestSurvey extends ManifestFact {
  readonly number: number;
  readonly databaseId: Uint8Array;
  readonly tables: ReadonlyMap<number, TableMeta>;
  readonly nextFileNumber: number;
  readonly lastSequence: number;
  readonly cleanEnd: CleanEnd | undefined;
  /** Where what can be read of it ends. */
  readonly size: number;
  readonly problems: readonly LostBytes[];
}

/**
 * Reads a manifest as far as it can be read; a text, why not, when not even its first record can be.
 *
 * Throws COMPARATOR_MISMATCH, FORMAT_UNSUPPORTED and IO_ERROR.
 */
export function surveyManifest(env: Env, path: string, number: number, order: KeyOrder): ManifestSurvey | string {
  const name = manifestName(number);
  const file = env.open(joinPath(path, name), "r");
  try {
    let snapshot: VersionEdit | undefined;
    const found = inspectManifest(file, number, {
      edit: (_, edit) => {
        if (edit.databaseId !== undefined) snapshot ??= edit;
      },
    });
    const { log, comparatorName, databaseId, logNumber = 0, nextFileNumber = 0, lastSequence = 0, problems } = found;
    if (!log.header || databaseId === undefined) return log.reason;
    if (comparatorName !== undefined) checkComparator(order, comparatorName, name);
    if (!snapshot) return "no readable snapshot record";
    const tables = new Map([...found.tables].map(([table, { table: meta }]) => [table, meta]));
    return {
      number,
      databaseId,
      tables,
      live: new Map([...tables].map(([table, { tag }]) => [table, tag])),
      removed: new Set([...found.mentioned.keys()].filter((table) => !tables.has(table))),
      firstNextNumber: snapshot.nextFileNumber ?? 0,
      logNumber,
      nextFileNumber,
      lastSequence,
      cleanEnd: log.end.kind === "clean" ? log.end.cleanEnd : undefined,
      size: log.end.size,
      isWhole: problems.length === 0,
      problems,
    };
  } finally {
    file.close();
  }
}

/** Keys can be compared only by the comparator that ordered them. */
export function checkComparator(order: KeyOrder, stored: string, name: string): void {
  const own = order.comparator.name;
  if (stored === own) return;
  throw new TinyKVError("TINYKV_COMPARATOR_MISMATCH", `${name} was made with comparator ${stored}, not ${own}`);
}
