// C17: no orphans. What stands in a store directory against what the engine says is live: CURRENT, one manifest, live
// tables, live logs, LOCK, pending outputs of running jobs, lost/, and in session with walRecycle at most one retired log.

import type { Database } from "tinykv";
import type { Env } from "tinykv/env";

/** Problems found; empty when every file has a reason to be there. */
export function inspectDirectory(env: Env, db: Database): string[] {
  const names = env.readDirectory(db.path);
  const isOpen = db.isOpen;
  const problems: string[] = [];
  const kinds = { log: 0, sst: 0, manifest: 0 };
  for (const name of names) {
    if (name === "CURRENT" || name === "LOCK" || name === "lost") continue;
    if (/^\d{6,}\.log$/.test(name)) kinds.log++;
    else if (/^\d{6,}\.sst$/.test(name)) kinds.sst++;
    else if (/^MANIFEST-\d{6,}$/.test(name)) kinds.manifest++;
    else problems.push(`unexpected file ${name}`);
  }
  if (!names.includes("CURRENT")) problems.push("no CURRENT");
  if (kinds.manifest !== 1) problems.push(`${kinds.manifest} manifests`);
  if (!isOpen) return problems;
  const stats = db.stats();
  const waiting = stats.logs.waiting ? 1 : 0;
  if (kinds.log !== stats.logs.count + waiting)
    problems.push(`${kinds.log} logs, ${stats.logs.count} live and ${waiting} waiting`);
  if (waiting > 0 && !db.options.walRecycle) problems.push("a log waits although walRecycle is off");
  const live = stats.levels.reduce((sum, level) => sum + level.tables, 0);
  // Cursors pin tables that no level shows, and running jobs have outputs: only without both is the count exact.
  const exact = stats.cursors === 0 && stats.jobs.length === 0;
  if (kinds.sst < live || (exact && kinds.sst !== live)) problems.push(`${kinds.sst} tables, ${live} live`);
  return problems;
}
