// One life of a store on a simulated disk, from its open to its end or to the crash that is armed.

import type { Interceptor, PlannedCall } from "../disk/recording-env.ts";
import type { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { TraceCall, TraceEvent } from "../disk/trace.ts";
import { PAGE_BYTES } from "../disk/page.ts";
import type { CrashOp } from "../op.ts";
import { eventName } from "./address.ts";
import type { Recording } from "./recorded-run.ts";

/** The machine is gone: whatever the engine does about it, no call is made any more. */
export class CrashedError extends Error {
  override readonly name = "CrashedError";
}

/** Follows a life call by call, keeps its trace, and ends it where `crash` says. */
export class Life implements Interceptor {
  readonly recording: Recording;
  readonly disk: SimulatedDisk;
  readonly #crash: CrashOp | undefined;
  readonly #counts = new Map<string, number>();
  #op = -1;
  #time: number;
  #isOver = false;

  constructor(disk: SimulatedDisk, recording: Recording, time: number, crash: CrashOp | undefined) {
    this.disk = disk;
    this.recording = recording;
    this.#time = time;
    this.#crash = crash;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get time(): number {
    return this.#time;
  }

  /** The crash comes now, between two calls. */
  end(): void {
    this.#isOver = true;
  }

  before(call: PlannedCall): undefined {
    if (this.#isOver) throw new CrashedError();
    if (this.#isDue(call.name, "before")) this.#die();
  }

  after(event: TraceEvent): void {
    if (this.#isOver) throw new CrashedError();
    if ("mark" in event && event.mark === "begin") {
      this.#op = event.op;
      this.#counts.clear();
    }
    const name = eventName(event);
    const inside = this.#isDue(name, "inside");
    const behind = this.#isDue(name, "after");
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.disk.apply(inside ? this.#partOf(event) : event, ++this.#time);
    this.recording.after(event);
    if (inside || behind) this.#die();
  }

  #isDue(name: string, when: "before" | "inside" | "after"): boolean {
    const at = this.#crash?.at;
    if (!at || at.op !== this.#op || at.call !== name || at.when !== when) return false;
    return (this.#counts.get(name) ?? 0) === at.nth;
  }

  #die(): never {
    this.#isOver = true;
    throw new CrashedError();
  }

  // Of a write in flight the first pages are there.
  #partOf(event: TraceEvent): TraceEvent {
    if (!("call" in event) || event.call !== "write") return event;
    return { ...event, bytes: event.bytes.subarray(0, bytesOf(event, this.#crash!)) };
  }
}

function bytesOf({ position }: TraceCall & { call: "write" }, { survival }: CrashOp): number {
  const named = survival.kind === "keep" ? survival.items.find((item) => item.startsWith("pages:")) : undefined;
  const pages = named === undefined ? 1 : Number(named.slice("pages:".length));
  return pages * PAGE_BYTES - (position % PAGE_BYTES);
}
