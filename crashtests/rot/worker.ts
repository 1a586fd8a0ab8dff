// One thread's share of the campaign. It writes the number of the case it judges to shared memory, for whoever watches.

import { parentPort, workerData } from "node:worker_threads";
import { Cases, runCampaign, type CampaignOptions } from "./campaign.ts";

/** What the parent hands over. */
export interface RotTask {
  readonly options: CampaignOptions;
  /** [case being judged, cases begun]. */
  readonly progress: Int32Array;
}

// Most cases throw; a stack that nobody reads is dear. A case that is run again alone has them.
Error.stackTraceLimit = 0;

const { options, progress } = workerData as RotTask;
const result = runCampaign(new Cases(), options, (index) => {
  Atomics.store(progress, 0, index);
  Atomics.add(progress, 1, 1);
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- of windows; this is a MessagePort
parentPort!.postMessage(result);
