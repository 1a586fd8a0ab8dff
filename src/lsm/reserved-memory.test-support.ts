import { afterEach, beforeEach, vi } from "vitest";

/** The memory of all memtables of more than `leastBytes` that the current test has reserved so far, this side of the collector. */
export function watchReservedMemory(leastBytes: number): readonly SharedArrayBuffer[] {
  const reserved: SharedArrayBuffer[] = [];
  beforeEach(() => {
    reserved.length = 0;
    const Original = SharedArrayBuffer;
    vi.stubGlobal(
      "SharedArrayBuffer",
      class extends Original {
        constructor(size: number) {
          super(size);
          if (size > leastBytes) reserved.push(this);
        }
      },
    );
  });
  afterEach(() => vi.unstubAllGlobals());
  return reserved;
}
