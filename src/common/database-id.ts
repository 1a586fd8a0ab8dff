// Whose a file is. The first half of a database id names the family: a store and the checkpoints made from it, and from
// them, which share tables. The second half names one store of it. Tables belong to a family, logs and manifests to one
// store: two stores of a family go on from the same file numbers, so that their logs are told apart by nothing else.

import { equalBytes } from "./bytes.ts";

export const DATABASE_ID_BYTES = 16;

/** 64 random bits each: among a billion stores in one place no two are likely to meet. */
const FAMILY_BYTES = 8;

interface Random {
  randomBytes(count: number): Uint8Array;
}

/** The id of a new store, of a family of its own. */
export function drawDatabaseId(env: Random): Uint8Array {
  return env.randomBytes(DATABASE_ID_BYTES).slice(0, DATABASE_ID_BYTES);
}

/** The id of a new store of the same family. */
export function drawRelatedId(env: Random, id: Uint8Array): Uint8Array {
  const drawn = drawDatabaseId(env);
  drawn.set(familyOf(id));
  return drawn;
}

/** One is a checkpoint of the other, or both come from a third; a store is related to itself. */
export function areRelated(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(familyOf(a), familyOf(b));
}

export function familyOf(id: Uint8Array): Uint8Array {
  return id.subarray(0, FAMILY_BYTES);
}
