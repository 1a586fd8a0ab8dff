// Runs in a real directory that do the same I/O every time: time and chance come from the seed, and what is done is hashed.

import { createHash } from "node:crypto";
import { NodeEnv } from "tinykv/env";
import type { Interceptor } from "../disk/recording-env.ts";
import { printTrace } from "../disk/trace-file.ts";
import type { TraceEvent } from "../disk/trace.ts";
import { Random } from "../workloads/random.ts";

/** The operating system, but for the clock and chance. */
export class SteadyEnv extends NodeEnv {
  // What a thread does when is chance.
  override readonly worker = undefined;
  readonly #random: Random;
  #now = 0;

  constructor(seed: string) {
    super();
    this.#random = new Random(`env:${seed}`);
  }

  override now(): number {
    return ++this.#now;
  }

  override sleep(milliseconds: number): void {
    this.#now += milliseconds;
  }

  override randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#random.int(256));
  }
}

/** A hash of all calls; the lock file's are left out, and where the store's directory is does not count. */
export class TraceHasher implements Interceptor {
  readonly #hash = createHash("sha256");
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  after(event: TraceEvent): void {
    if ("path" in event && event.path.endsWith("/LOCK")) return;
    this.#hash.update(printTrace([event]).replaceAll(this.#base, ""));
  }

  digest(): string {
    return this.#hash.digest("hex");
  }
}
