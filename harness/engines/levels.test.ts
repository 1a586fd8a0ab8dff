// A store with more levels than the configuration of a later open asks for kept them, but its checkpoint did not: a run
// under `least` (two levels) that had begun with seven opened its checkpoint with two, was refused (INVALID_ARGUMENT), and
// was reported as a failure of the engine. A checkpoint has the levels of its store.

import { expect, test } from "vitest";
import { TinyKVEngine } from "./tinykv.ts";

test("a checkpoint of a store with seven levels is opened with as many, whatever the configuration asks for", () => {
  const engine = new TinyKVEngine();
  engine.open("/store", "memory").close();
  const store = engine.open("/store", "least");
  for (let i = 0; i < 50; i++) store.put(Buffer.from(`key ${i}`), Buffer.alloc(100, i), false);
  store.compactRange();
  store.checkpoint("/copy");
  const copy = engine.open("/copy", "least", { create: false });
  expect(copy.get(Buffer.from("key 7"))).toEqual(Buffer.alloc(100, 7));
  copy.close();
  store.close();
});
