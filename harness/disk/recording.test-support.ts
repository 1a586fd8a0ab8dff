// What the tests of RecordingEnv share.

import { ImageEnv } from "./image-env.ts";
import { RecordingEnv, type Fault, type Interceptor, type PlannedCall } from "./recording-env.ts";
import type { TraceCall, TraceEvent } from "./trace.ts";

/** Keeps everything; the next call that `matches` fails as `fault` says, once. */
export class Recorded implements Interceptor {
  readonly planned: PlannedCall[] = [];
  readonly trace: TraceEvent[] = [];
  readonly disk: ImageEnv;
  readonly env: RecordingEnv;
  #fault: Fault | undefined;
  #matches: (call: PlannedCall) => boolean = () => false;

  constructor(disk: ImageEnv = new ImageEnv()) {
    this.disk = disk;
    this.env = new RecordingEnv(disk, this);
  }

  plan(matches: (call: PlannedCall) => boolean, fault: Fault): void {
    this.#matches = matches;
    this.#fault = fault;
  }

  before(call: PlannedCall): Fault | undefined {
    this.planned.push(call);
    const fault = this.#fault;
    if (!fault || !this.#matches(call)) return undefined;
    this.#fault = undefined;
    return fault;
  }

  after(event: TraceEvent): void {
    this.trace.push(event);
  }

  /** The last event. */
  get last(): TraceCall {
    return this.trace.at(-1) as TraceCall;
  }
}

/** A file with these bytes, made behind the recorder's back. */
export function put(disk: ImageEnv, path: string, text: string): void {
  const file = disk.open(path, "wx");
  file.write(Buffer.from(text, "latin1"), 0);
  file.close();
}

export function textAt(disk: ImageEnv, path: string): string | undefined {
  const bytes = disk.contentsOf(path);
  return bytes && Buffer.from(bytes).toString("latin1");
}

/** What a call threw: "" for nothing. */
export function messageOf(call: () => unknown): string {
  try {
    call();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
