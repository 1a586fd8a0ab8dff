// An outcome is sent first and counted on the board afterwards. The event loop of the store may turn between the two: it was
// told of news, looked at the board, found none, and left the outcome where it was. Nobody told it again, so a finished
// flush was not committed before the next write. What has arrived is news, counted or not.

import { expect, test } from "vitest";
import { StoreThread } from "./store-thread.ts";
import type { WorkOrder } from "./work-order.ts";
import { eventually } from "./thread.test-support.ts";

/** A thread that sends an outcome for each order at once, and counts it when it is told to. */
const SLOW_COUNTER = `
  import { parentPort, workerData } from "node:worker_threads";
  let joined;
  parentPort.on("message", (command) => {
    if (command.kind === "join") joined = { port: command.port, board: new Int32Array(command.board) };
    if (command.kind !== "order") return;
    joined.port.postMessage({ kind: "aborted", job: command.order.job });
    const control = new Int32Array(command.order.control);
    Atomics.wait(control, 0, 0);
    Atomics.add(joined.board, 0, 1);
    Atomics.store(control, 1, 1);
  });
`;

test("an outcome that has arrived is news before it is counted, and none after it was taken", async () => {
  let told = 0;
  const thread = new StoreThread(
    new URL(`data:text/javascript,${encodeURIComponent(SLOW_COUNTER)}`),
    () => 0,
    () => told++,
    (failure) => expect(failure).toBeUndefined(),
  );
  const control = new Int32Array(new SharedArrayBuffer(8));
  thread.submit({ job: 7, control: control.buffer } as unknown as WorkOrder);
  await eventually(() => told === 1, "the event loop is told");
  expect(thread.hasNews).toBe(true);
  expect(thread.take()).toMatchObject({ job: 7 });
  expect(thread.hasNews).toBe(false);
  Atomics.store(control, 0, 1);
  Atomics.notify(control, 0);
  await eventually(() => Atomics.load(control, 1) === 1, "it is counted");
  expect(thread.hasNews).toBe(false);
  expect(thread.take()).toBeUndefined();
  thread.leave();
});
