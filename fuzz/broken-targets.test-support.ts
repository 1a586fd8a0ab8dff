// Targets with a bug each, which shows where an input holds the byte 0x77.

import { CorruptionError } from "tinykv";
import type { Random } from "tinykv/harness";
import { Drafter } from "./draft.ts";
import { misplacedIn, type Target } from "./target.ts";

const FILE = "broken";
const LENGTH = 8;

function broken(name: string, misbehave: (bytes: Uint8Array) => void): Target {
  return {
    name,
    modules: [],
    bytesMax: 64,
    memory: "sum",
    misplaced: misplacedIn(FILE, 0),
    seed: (random: Random) => Uint8Array.from({ length: LENGTH }, () => random.int(0x40)),
    dissect(bytes) {
      const drafter = new Drafter(bytes);
      return drafter.dissect(() => {
        while (drafter.remaining > 0) drafter.u8();
      });
    },
    run(bytes) {
      if (bytes.includes(0x77)) misbehave(bytes);
    },
  };
}

let kept: unknown[] = [];

export const TARGETS: readonly Target[] = [
  broken("hangs", () => {
    for (;;) kept = [];
  }),
  broken("slow", () => {
    for (const end = performance.now() + 300; performance.now() < end;) kept = [];
  }),
  broken("greedy", () => {
    try {
      kept = [new Uint8Array(64 << 20)];
    } catch {
      kept = [];
    }
  }),
  broken("greedy-array", () => {
    kept = Array.from({ length: 1 << 20 });
  }),
  broken("hoards", () => {
    for (kept = []; ;) kept.push({ kept });
  }),
  broken("aborts", () => process.abort()),
  broken("throws", () => {
    throw new TypeError("of a byte");
  }),
  broken("blames", () => {
    throw new CorruptionError("another", 0, "not this one");
  }),
];
