import { accessSync, constants } from "node:fs";
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
