// Whose turn it is: which writes share a group, what completes it, what reads beside it may show.

import { expect, test } from "vitest";
import { recordRun, type RecordedRun } from "./crash/recorded-run.ts";
import { ImageEnv } from "./disk/image-env.ts";
import { traceHash } from "./disk/trace-file.ts";
import { TinyKVEngine } from "./engines/tinykv.ts";
import { parseOp } from "./op-parse.ts";
import { Runner } from "./runner.ts";
import { runNow } from "./turns.ts";
import { generate } from "./workloads/workload.ts";

async function run(...lines: string[]): Promise<RecordedRun> {
  const ops = lines.map((line, i) => parseOp(`${10 * (i + 1)} ${line}`));
  const recorded = await recordRun({ makeEngine: (env) => new TinyKVEngine({ env }), ops, config: "small" });
  expect(recorded.failure).toBeUndefined();
  return recorded;
}

// What the operations do to the log, and which of them return, without the opening and closing.
function story({ trace, ops }: RecordedRun): string {
  const words: string[] = [];
  let op = 0;
  for (const event of trace) {
    if ("mark" in event) {
      if (event.mark === "begin") op = event.op;
      else if (op >= 10 && op <= ops.at(-1)!.id) words.push(`${event.op}!`);
    } else if (op >= 10 && op <= ops.at(-1)!.id && /^(write|sync|syncBegin|syncEnd)$/.test(event.call)) {
      words.push(event.call);
    }
  }
  return words.join(" ");
}

const put = (tag: string, id: number, sync = " sync"): string => `putAsync ${tag} k${id} 0.${id}.40${sync}`;

test("writes that stand next to each other are one group; its sync ends when it is settled", async () => {
  const lines = [put("a", 11), put("b", 21), "get k11", "settle 0 ok", "get k21"];
  expect(story(await run(...lines))).toBe("write syncBegin 30! syncEnd 10! 20! 40! 50!");
});

test("what is called while a group is under way is the next one", async () => {
  const lines = [put("a", 11), "get k11", put("b", 31), put("c", 41), "settle 0 ok", "await c"];
  expect(story(await run(...lines))).toBe("write syncBegin 20! syncEnd 10! write syncBegin 50! syncEnd 30! 40! 60!");
});

test("a put in the same turn completes what waits; one behind a turn completes the group under way", async () => {
  expect(story(await run(put("a", 11), "put k 0.21.40"))).toBe("write sync 10! 20!");
  const late = await run(put("a", 11), "get k11", "put k 0.31.40", "settle 0 ok");
  expect(story(late)).toBe("write syncBegin 20! write sync 10! 30! syncEnd 40!");
});

test("a write without sync resolves in its turn, and a close ends everything", async () => {
  expect(story(await run(put("a", 11, ""), "get k11"))).toBe("write 10! 20!");
  const { oracle } = await run(put("a", 11), put("b", 21));
  expect(oracle.window("power")).toMatchObject({ least: 2, most: 2 });
});

test("snapshots and cursors taken beside a group see it wholly or not at all, for ever", async () => {
  await run(
    "put k11 0.1.40 sync",
    put("a", 11),
    "snapshot s",
    "cursorOpen c",
    "settle 0 ok",
    "snapshotGet s k11",
    "cursorMove c first",
    "get k11",
  );
});

test("a group whose sync fails is rejected, and decided when the store is opened again", async () => {
  const { oracle } = await run(
    put("a", 11),
    put("b", 21),
    "settle 0 fail",
    "get k11",
    put("c", 51),
    "reopen small",
    "settle 0 ok",
  );
  expect(oracle.window("power").tail).toEqual([]);
});

test("C27: the same log gives the same I/O, bit for bit", async () => {
  const ops = [...generate({ workload: "async", seed: "7", ops: 400, keys: 30, syncRatio: 0.5 })].filter(
    ({ kind }) => kind !== "crash" && kind !== "fault",
  );
  const trace = async (): Promise<string> => {
    const { trace: events, failure } = await recordRun({
      makeEngine: (env) => new TinyKVEngine({ env }),
      ops,
      config: "small",
    });
    expect(failure).toBeUndefined();
    expect(events.filter((event) => "call" in event && event.call === "syncEnd").length).toBeGreaterThan(20);
    return traceHash(events, () => false);
  };
  expect(await trace()).toBe(await trace());
});

test("whoever cannot wait is told so, instead of going on", () => {
  const engine = new TinyKVEngine({ env: new ImageEnv() });
  const runner = new Runner({ engine, directory: "/store", config: "small" });
  runNow(runner.run(parseOp("1 put k 0.2.40")));
  runNow(runner.run(parseOp(`3 ${put("a", 4)}`)));
  expect(() => runNow(runner.run(parseOp("5 get k")))).toThrow("gave way");
});
