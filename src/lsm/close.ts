// close: groups of asynchronous writes → fsync log, and the directory if the log's entry is not durable yet → CLEAN END → fsync → CLEAN END of the
// manifest, whose edits are durable already → fsync. After a failed log or manifest there is nothing that could be promised: descriptors and LOCK are given up.

import { assert } from "../common/assert.ts";
import type { OpenStore } from "./open-store.ts";
import { runAll } from "./store-context.ts";

/** Throws what a sync or write of the close itself fails with; everything is given up first. */
export function closeStore({ store, background, groups, lock }: OpenStore): void {
  const { context, logs, versions, obsolete } = store;
  try {
    groups.complete();
    background.beginClosing();
    background.abandonAll();
    if (!context.health.isWell) return;
    logs.dropWaiting();
    obsolete.collect();
    const { number, size, writer } = versions.manifest;
    const end = { lastSequence: versions.lastSequence, manifestNumber: number, manifestSize: size };
    logs.closeCleanly(end);
    assert(writer.syncedOffset === writer.size, "every edit of a well manifest is durable");
    writer.appendCleanEnd(end);
    context.health.sync(() => writer.sync("close.manifest-end"));
  } finally {
    runAll([
      () => background.close(),
      () => store.memtables.close(),
      () => logs.close(),
      () => versions.closeManifest(),
      () => lock.release(),
    ]);
  }
}
