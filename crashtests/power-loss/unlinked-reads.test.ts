import { type EngineMaker, recordRun, TinyKVEngine } from "tinykv/harness";
import type { Env } from "tinykv/env";
import { expect, test } from "vitest";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

const CONFIG = SEQUENCE_CONFIGS[0]!;

// Unlinks every table as soon as it is opened: the descriptors go on reading.
const unlinksEarly: EngineMaker = (env) => {
  const eager = new Proxy(env, {
    get(target, name) {
      if (name !== "open") {
        const member: unknown = target[name as keyof Env];
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      }
      return (path: string, mode: "r" | "rw" | "wx") => {
        const file = target.open(path, mode);
        if (mode === "r" && path.endsWith(".sst")) target.unlink(path);
        return file;
      };
    },
  });
  return new TinyKVEngine({ env: eager });
};

test("C24: a table that is unlinked while it is still read is found, though every read is right", async () => {
  const ops = [...sequenceOf(["bigBatch", "flush"], CONFIG), { id: 9, kind: "get", key: "a" } as const];
  const { failure } = await recordRun({ makeEngine: unlinksEarly, ops, config: CONFIG, close: false });
  expect(failure).toMatchObject({ condition: "C24" });
  expect(
    (await recordRun({ makeEngine: (env) => new TinyKVEngine({ env }), ops, config: CONFIG })).failure,
  ).toBeUndefined();
});
