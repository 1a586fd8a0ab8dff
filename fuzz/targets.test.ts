import { Random } from "tinykv/harness";
import { expect, test } from "vitest";
import { Assembler, unchanged } from "./assemble.ts";
import { problemOf } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Valid inputs looked at for each target. */
const SEEDS = 100;

for (const target of TARGETS) {
  test(`${target.name}: what the encoders make decodes, and is encoded to itself`, () => {
    const random = new Random(`seeds:${target.name}`);
    for (let i = 0; i < SEEDS; i++) {
      const bytes = target.seed(random);
      expect(bytes.length).toBeLessThanOrEqual(target.bytesMax);
      target.run(bytes);
      expect(problemOf(target, bytes)).toBeUndefined();
    }
  });

  test(`${target.name}: the pieces of a value, put together again with everything computed anew, are its bytes`, () => {
    const random = new Random(`pieces:${target.name}`);
    for (let i = 0; i < SEEDS; i++) {
      const bytes = target.seed(random);
      const draft = target.dissect(bytes)!;
      expect(draft.pieces.length).toBeGreaterThan(1);
      const again = new Uint8Array(target.bytesMax);
      const length = new Assembler(draft, unchanged(draft), again).assemble({ lengths: true, checksums: true });
      expect(Buffer.from(again.subarray(0, length)).equals(bytes)).toBe(true);
    }
  });
}
