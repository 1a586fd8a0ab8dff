// close: fsync log, and the directory if the log's entry is not durable yet → CLEAN END → fsync → the same for the
// manifest. After a failed log or manifest there is nothing that could be promised: descriptors and LOCK are given up.

import type { OpenStore } from "./open-store.ts";
import { runAll } from "./store-context.ts";

/** Throws what a sync or write of the close itself fails with; everything is given up first. */
export function closeStore({ store, background, lock }: OpenStore): void {
  const { context, logs, versions, obsolete } = store;
  try {
    background.abandonAll();
    if (!context.health.isWell) return;
    logs.dropWaiting();
    obsolete.collect();
    const { number, size, writer } = versions.manifest;
    const end = { lastSequence: versions.lastSequence, manifestNumber: number, manifestSize: size };
    logs.closeCleanly(end);
    if (writer.syncedOffset < writer.size) context.health.sync(() => writer.sync("close.manifest"));
    writer.appendCleanEnd(end);
    context.health.sync(() => writer.sync("close.manifest-end"));
  } finally {
    runAll([() => logs.close(), () => versions.closeManifest(), () => lock.release()]);
  }
}
