import { markAsUntransferable } from "node:worker_threads";

/**
 * The memory of a view that is given out, or that others have views of: who posts the view to another thread and puts its
 * buffer in the list of what is transferred posts a copy. To transfer it would empty all the other views.
 */
export function untransferable<T extends ArrayBufferLike>(memory: T): T {
  markAsUntransferable(memory);
  return memory;
}
