import { accessSync, constants, rmSync } from "node:fs";
import { tmpdir } from "node:os";

const SHARED_MEMORY = "/dev/shm";

/**
 * Where stores of differential runs live: in memory where the system has a file system there. What a sync costs on a disk
 * tells a comparison with the model nothing.
 */
export function fastDirectory(): string {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK | constants.X_OK);
    return SHARED_MEMORY;
  } catch (error) {
    void error;
    return tmpdir();
  }
}

/**
 * Removes what was made there. A store that failed is not closed: a thread of it may be writing for another moment, or, if that
 * is its bug, for ever; then what is left stays.
 */
export function removeScratch(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: REMOVALS_MOST });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}

/** A tenth of a second longer each time. */
const REMOVALS_MOST = 3;
