// Which faults a call can have. Two that no engine and no disk could tell apart are one: a failed sync may have made any
// part durable however it failed, and what no space was found for was not done.

import type { FaultOp } from "tinykv/harness";
import { namesOf } from "./call-name.ts";
import type { CountedCall } from "./faulty-disk.ts";

export type FaultKind = Pick<FaultOp, "outcome" | "error" | "lasting">;

const IO_NONE: FaultKind = { outcome: "none", error: "EIO", lasting: false };
const IO_PART: FaultKind = { outcome: "part", error: "EIO", lasting: false };
const IO_WHOLE: FaultKind = { outcome: "whole", error: "EIO", lasting: false };
const SHORT: FaultKind = { outcome: "short", error: "EIO", lasting: false };
const FULL: FaultKind = { outcome: "none", error: "ENOSPC", lasting: false };
const FULL_PART: FaultKind = { outcome: "part", error: "ENOSPC", lasting: false };

/** Once each; and what is no matter of space for good as well (a disk that is full for good has a size: capacity-env.ts). */
export function faultsOf(call: CountedCall): readonly FaultKind[] {
  const once = faultsOnce(call);
  const lasting = once.filter(({ outcome, error }) => error === "EIO" && (outcome === "none" || outcome === "whole"));
  return [...once, ...lasting.map((kind) => ({ ...kind, lasting: true }))];
}

/** The fault as an operation, to stand before the one during which it comes. */
export function faultOp(call: CountedCall, kind: FaultKind, id: number): FaultOp {
  return { id, kind: "fault", call: namesOf(call.planned)[0]!, nth: call.nth, ...kind };
}

/** Every way in which a call can fail once. */
function faultsOnce({ planned, event }: CountedCall): readonly FaultKind[] {
  const bytes = planned.bytes ?? 0;
  switch (planned.call) {
    case "write":
      return bytes < 2 ? [IO_NONE, IO_WHOLE, FULL] : [IO_NONE, IO_PART, IO_WHOLE, SHORT, FULL, FULL_PART];
    case "read":
      return bytes < 2 ? [IO_NONE] : [IO_NONE, SHORT];
    case "open":
      return event && "call" in event && event.call === "open" && event.mode === "wx"
        ? [IO_NONE, IO_WHOLE, FULL]
        : [IO_NONE];
    case "makeDirectory":
    case "rename":
    case "link":
    case "lock":
      return [IO_NONE, IO_WHOLE, FULL];
    case "unlink":
    case "removeDirectory":
    case "truncate":
      return [IO_NONE, IO_WHOLE];
    case "now":
    case "sleep":
    case "release":
      return []; // these cannot fail anywhere
    default:
      return [IO_NONE];
  }
}
