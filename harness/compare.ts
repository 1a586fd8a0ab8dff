import type { Condition } from "./diagnosis.ts";
import { describeValue } from "./diagnosis.ts";
import type { EngineEntry } from "./engine.ts";
import { Failure } from "./failure.ts";
import { isKey, keyOf, type Key } from "./keys.ts";
import type { Entries } from "./model-walk.ts";
import { isValueOf, type ValueRef } from "./values.ts";

/** What a comparison is about, for the message of its failure. */
export interface About {
  readonly condition: Condition;
  readonly op: number | undefined;
  readonly what: string;
}

/** One value against what the model expects; throws Failure. */
export function expectValue(about: About, key: Key, found: Buffer | undefined, expected: ValueRef | undefined): void {
  if (found === undefined && expected === undefined) return;
  if (found !== undefined && expected !== undefined && isValueOf(found, key, expected)) return;
  const name = JSON.stringify(key);
  const got = found === undefined ? "nothing" : describeValue(found, key);
  const wanted = expected === undefined ? "nothing" : `value ${expected.id} of ${expected.length} bytes`;
  throw new Failure(about.condition, `${about.what} of ${name} gave ${got}, the model has ${wanted}`, about.op);
}

/** A scan against the model's, entry by entry; `only` says which half was asked for. */
export function expectEntries(
  about: About,
  found: Iterable<EngineEntry>,
  expected: Entries,
  only?: "keys" | "values",
): void {
  let i = 0;
  for (const entry of found) {
    const keyBytes = entry[0];
    const value = entry[1];
    if (!expected.next())
      throw new Failure(
        about.condition,
        `${about.what}, entry ${i}: the model has only ${i} entries, the engine gave ${nameOf(keyBytes)}`,
        about.op,
      );
    const { key } = expected;
    if ((keyBytes === undefined) !== (only === "values") || (value === undefined) !== (only === "keys")) {
      throw new Failure(
        about.condition,
        `${about.what}, entry ${i}: the wrong half of the entry is undefined`,
        about.op,
      );
    }
    if (keyBytes !== undefined && !isKey(keyBytes, key)) {
      throw new Failure(
        about.condition,
        `${about.what}, entry ${i}: the engine gave ${nameOf(keyBytes)}, the model has ${JSON.stringify(key)}`,
        about.op,
      );
    }
    if (value !== undefined && !isValueOf(value, key, expected.value))
      expectValue({ ...about, what: `${about.what}, entry ${i}` }, key, value, expected.value);
    i++;
  }
  if (expected.next()) {
    const missing = JSON.stringify(expected.key);
    throw new Failure(
      about.condition,
      `${about.what}: the engine ended after ${i} entries, the model goes on with ${missing}`,
      about.op,
    );
  }
}

function nameOf(key: Buffer | undefined): string {
  return key === undefined ? "an entry" : JSON.stringify(keyOf(key));
}
