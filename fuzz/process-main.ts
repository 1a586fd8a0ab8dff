// The process that fuzzes. The counters of memory and branches are in place before anything that they count is loaded.

import { readFileSync, writeSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { Coverage } from "./coverage.ts";
import { installMemoryGuard } from "./memory-guard.ts";
import { FRAME_HEADER_BYTES, MESSAGES_FD, type FuzzMessage, type FuzzStart } from "./messages.ts";

// At once and whole: nothing that was said is lost with the process.
function say(message: FuzzMessage): void {
  const payload = serialize(message);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  payload.copy(frame, FRAME_HEADER_BYTES);
  for (let done = 0; done < frame.length;) done += writeSync(MESSAGES_FD, frame, done);
}

const start = deserialize(readFileSync(process.argv[2]!)) as FuzzStart;
const coverage = new Coverage(start.branches);
installMemoryGuard();
// An error in an input is not told from where it comes; that takes longer than the rest.
Error.stackTraceLimit = 0;
const { runTask } = await import("./task.ts");
await runTask(start, coverage, say);
