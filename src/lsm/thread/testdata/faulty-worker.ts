// A worker thread of the tests whose world misbehaves as often as a shared block of memory says.

import { getEnvironmentData } from "node:worker_threads";
import type { Barrier, FileHandle, OpenMode } from "../../../util/env.ts";
import { NodeEnv } from "../../../util/node-env.ts";
import { serveBackground } from "../serve.ts";

/** What may happen, by its word in the shared memory: so many times, or, for `slow`, so many milliseconds a write. */
export const FAULTS = { noSpace: 0, directorySync: 1, hang: 2, exit: 3, slow: 4, writes: 5, written: 6, noDescriptor: 7 } as const;
/** The key of the shared memory among Node's environment data. */
export const FAULTS_KEY = "tinykv-test-faults";

const words = new Int32Array(getEnvironmentData(FAULTS_KEY) as unknown as SharedArrayBuffer);

function happens(fault: keyof typeof FAULTS): boolean {
  if (Atomics.load(words, FAULTS[fault]) <= 0) return false;
  Atomics.sub(words, FAULTS[fault], 1);
  return true;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}

class FaultyNodeEnv extends NodeEnv {
  override open(path: string, mode: OpenMode): FileHandle {
    const file = super.open(path, mode);
    return mode === "wx" ? new FaultyFile(file) : file;
  }

  override syncDirectory(path: string, barrier: Barrier): void {
    if (happens("directorySync")) throw failure("EIO");
    if (happens("noDescriptor")) throw failure("EMFILE");
    super.syncDirectory(path, barrier);
  }
}

class FaultyFile implements FileHandle {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  read(buffer: Uint8Array, position: number): number {
    return this.#file.read(buffer, position);
  }

  write(buffer: Uint8Array, position: number): number {
    Atomics.add(words, FAULTS.writes, 1);
    Atomics.notify(words, FAULTS.writes);
    if (happens("noSpace")) throw failure("ENOSPC");
    if (happens("exit")) process.exit(3);
    if (happens("hang")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    const milliseconds = Atomics.load(words, FAULTS.slow);
    if (milliseconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    const count = this.#file.write(buffer, position);
    Atomics.add(words, FAULTS.written, 1);
    return count;
  }

  sync(barrier: Barrier): void {
    this.#file.sync(barrier);
  }

  syncAsync(barrier: Barrier): Promise<void> {
    return this.#file.syncAsync(barrier);
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  size(): number {
    return this.#file.size();
  }

  close(): void {
    this.#file.close();
  }
}

serveBackground(new FaultyNodeEnv());
