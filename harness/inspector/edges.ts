// Stores at the edges of what numbers can be, from which any run may start: nothing in them is visible, but they have
// tables on two levels, a log, tombstones over what was there.

import { encodeStore } from "./encode/store-encoder.ts";
import { randomStore, type RandomStoreOptions } from "./encode/random-store.ts";

/** Where each stands; "next" and "last" are what the store's CLEAN END and manifest say. */
const EDGES: Readonly<Record<EdgeName, RandomStoreOptions>> = {
  /** The next file is 999999, the one behind it the first whose name is a digit longer, and comes before it as a word. */
  "file-999999": { nextFileNumber: 999_999 },
  /** The last sequence number is 2^32-2: those to come do not fit into 32 bits. */
  "sequence-32": { lastSequence: 2 ** 32 - 2 },
  /** The last sequence number is 2^53-2: one is left. */
  "sequence-53": { lastSequence: 2 ** 53 - 2 },
};

export type EdgeName = "file-999999" | "sequence-32" | "sequence-53";

export const EDGE_NAMES: readonly EdgeName[] = Object.keys(EDGES) as EdgeName[];

/** A store, by name and seed. */
export interface Edge {
  readonly name: EdgeName;
  readonly seed: string;
}

/** `NAME` or `NAME:SEED`; the seed is "1" unless told. Undefined: there is no such store. */
export function parseEdge(text: string): Edge | undefined {
  const [, word, seed = "1"] = /^([^:]+)(?::([\w:.-]+))?$/.exec(text) ?? [];
  const name = EDGE_NAMES.find((one) => one === word);
  return name && { name, seed };
}

/**
 * The files of the store, cleanly closed. Levels 0 and 1 alone are in use, so that it opens under every configuration. The
 * same name and seed give the same bytes.
 */
export function edgeFiles({ name, seed }: Edge): ReadonlyMap<string, Buffer> {
  const plan = randomStore(`edge:${name}:${seed}`, { ...EDGES[name], hidden: true, closed: true, levels: [1] });
  return encodeStore(plan);
}
