import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyOps } from "./arbitraries.ts";
import type { Finding } from "./finding.ts";
import { changesOf, type CrashOp, isWrite, type Op } from "./op.ts";
import { printOp } from "./op-line.ts";
import { parseOp } from "./op-parse.ts";
import { shrink, type Reproduce } from "./shrink.ts";
import { keysOf } from "./shrink-map.ts";

const PLENTY = { attempts: 100_000 };

function findingOf(ops: readonly Op[], config = "default"): Finding {
  const message = "artificial";
  return { condition: "C3", phase: "open", message, seed: "1", workload: "", config, ops, keys: [] };
}

/** Fails where the predicate holds. */
function failsIf(predicate: (ops: readonly Op[], config: string) => boolean): Reproduce {
  return (ops, config) => (predicate(ops, config) ? findingOf(ops, config) : undefined);
}

function parse(...lines: string[]): Op[] {
  return lines.map(parseOp);
}

/** A put of a key with this first letter, a flush behind it, a crash behind that. */
function putFlushCrash(ops: readonly Op[]): boolean {
  const put = ops.findIndex((op) => op.kind === "put");
  const flush = ops.findIndex((op, i) => op.kind === "flush" && i > put);
  return put >= 0 && flush > put && ops.some((op, i) => op.kind === "crash" && i > flush);
}

test("two hundred operations shrink to the three that matter", async () => {
  const lines: string[] = [];
  for (let id = 1; id <= 200; id++) {
    if (id === 60) lines.push(`${id} put k1 0.${id}.500 sync`);
    else if (id === 130) lines.push(`${id} flush`);
    else if (id === 190) lines.push(`${id} crash power keep size:log name:table`);
    else lines.push(id % 3 === 0 ? `${id} delete x${id}` : id % 3 === 1 ? `${id} get y${id}` : `${id} verify`);
  }
  const result = await shrink(findingOf(parse(...lines)), failsIf(putFlushCrash), PLENTY);
  // Any flush will do: one may stand for the operations around it.
  expect(result.ops.map((op) => printOp(op).replace(/^\d+ flush$/, "flush"))).toEqual([
    "60 put k0 0.60.1",
    "flush",
    "190 crash power all",
  ]);
  expect(result.finding).toMatchObject({ condition: "C3", phase: "open", config: "default" });
  expect(result.attempts).toBeLessThan(200);
});

test("what does not come back three times in three is C27, and is left as it is", async () => {
  let run = 0;
  const ops = parse("1 put a 0.1.20", "2 flush");
  const flaky: Reproduce = (tried, config) => (++run === 3 ? undefined : findingOf(tried, config));
  const result = await shrink(findingOf(ops), flaky, PLENTY);
  expect(result.finding.condition).toBe("C27");
  expect(result.finding.message).toContain("run 3 of 3 gave nothing");
  expect(result.ops).toEqual(ops);
  expect(result.attempts).toBe(3);
});

test("a step that fails otherwise, or in another phase, does not count", async () => {
  const ops = parse("1 put a 0.1.20", "2 put b 0.2.20", "3 flush");
  const reproduce: Reproduce = (tried, config) => {
    const found = findingOf(tried, config);
    if (tried.length === 3) return found;
    return tried.length === 2 ? { ...found, condition: "C2" } : { ...found, phase: "scan" };
  };
  expect((await shrink(findingOf(ops), reproduce, PLENTY)).ops).toHaveLength(3);
});

test("the budget ends it, and what is smaller by then is kept", async () => {
  const ops = parse(...Array.from({ length: 64 }, (_, i) => `${i + 1} put k${i} 0.${i + 1}.20`));
  const needsLast = failsIf((tried) => tried.at(-1)?.id === 64);
  const result = await shrink(findingOf(ops), needsLast, { attempts: 5 });
  expect(result.attempts).toBe(5);
  expect(result.ops.length).toBeLessThan(64);
  expect(result.ops.at(-1)!.id).toBe(64);
  let asked = 0;
  expect((await shrink(findingOf(ops), needsLast, { attempts: 1000, until: () => ++asked > 3 })).attempts).toBe(6);
});

test("where the crash has moved, the last operation is searched, and what the search found is gone on with", async () => {
  const ops = parse(
    "1 put a 0.1.20 sync",
    "2 put b 0.2.20 sync",
    "3 crash power at=4 call=write nth=2 when=after none",
    "4 flush",
  );
  const searches: number[] = [];
  // One write of the flush for each put before it.
  const reproduce: Reproduce = (tried, config, search) => {
    const puts = tried.filter((op) => op.kind === "put").length;
    const crash = tried.find((op): op is CrashOp => op.kind === "crash");
    if (!crash?.at || puts === 0 || tried.at(-1)!.kind !== "flush") return undefined;
    if (search) {
      searches.push(tried.length);
      const at = { ...crash.at, nth: puts };
      return findingOf(
        tried.map((op) => (op === crash ? { ...crash, at } : op)),
        config,
      );
    }
    return crash.at.nth === puts ? findingOf(tried, config) : undefined;
  };
  const { ops: smaller } = await shrink(findingOf(ops), reproduce, PLENTY);
  expect(smaller.map(printOp)).toEqual([
    "2 put k0 0.2.1",
    "3 crash power at=4 call=write nth=1 when=after all",
    "4 flush",
  ]);
  expect(searches.length).toBeGreaterThan(0);
});

test("what else was pending is kept, and the little that must be lost is named", async () => {
  const pending = ["size:log", "page:0:log", "page:1:log", "create:table"];
  const ops = parse("1 put a 0.1.20", "2 crash power keep page:0:log@-1~3");
  const reproduce = failsIf((tried) => {
    const crash = tried.find((op) => op.kind === "crash");
    if (!tried.some(isWrite) || !crash) return false;
    const { survival } = crash;
    if (survival.kind === "keep") return !survival.items.includes("create:table");
    return survival.kind === "lose" && survival.items.includes("create:table");
  });
  const result = await shrink(findingOf(ops), reproduce, PLENTY, { pendingAt: () => pending });
  expect(result.ops.map(printOp)).toEqual(["1 put k0 0.1.1", "2 crash power lose create:table"]);
});

test("a list of what is lost becomes shorter", async () => {
  const ops = parse("1 put a 0.1.20", "2 crash power lose x y z");
  const reproduce = failsIf((tried) => {
    const crash = tried.find((op) => op.kind === "crash");
    return crash?.survival.kind === "lose" && crash.survival.items.includes("y");
  });
  expect((await shrink(findingOf(ops), reproduce, PLENTY)).ops.map(printOp)).toEqual(["2 crash power lose y"]);
});

test("the configuration becomes the default, or only what matters of it", async () => {
  const ops = parse("1 put a 0.1.20", "2 reopen small");
  const anything = failsIf((tried) => tried.some((op) => op.kind === "reopen"));
  const plain = await shrink(findingOf(ops, "small"), anything, PLENTY);
  expect(plain.finding.config).toBe("default");
  expect(plain.ops.map(printOp)).toEqual(["2 reopen default"]);
  const needsBlocks = failsIf((_, config) => config === "small" || config.includes("blockSize=1024"));
  expect((await shrink(findingOf(ops, "small"), needsBlocks, PLENTY)).finding.config).toBe("blockSize=1024");
});

test("a batch loses the changes that do not matter, and becomes a plain write", async () => {
  const ops = parse("1 batch sync put a 0.2.90 delete b put c 0.3.50 delete d");
  const deletes = failsIf((tried) => tried.some((op) => isWrite(op) && changesOf(op).some((c) => c.kind === "delete")));
  expect((await shrink(findingOf(ops), deletes, PLENTY)).ops.map(printOp)).toEqual(["1 delete k0"]);
});

test("a value stays as large as it must be, to within a factor of two", async () => {
  const ops = parse("1 put a 0.1.100000");
  const large = failsIf((tried) => tried.some((op) => op.kind === "put" && op.value.length >= 5000));
  const [op] = (await shrink(findingOf(ops), large, PLENTY)).ops;
  expect(op).toMatchObject({ kind: "put", key: "k0", value: { length: 6250 } });
});

test("keys keep their order when they become short, a long one that matters stays", async () => {
  const long = "m".repeat(40);
  const ops = parse("1 put banana 0.1.20", `2 put ${long} 0.2.20`, "3 put zebra 0.3.20", "4 get banana");
  const needsAll = (tried: readonly Op[]): boolean => tried.length === 4;
  expect(keysOf((await shrink(findingOf(ops), failsIf(needsAll), PLENTY)).ops)).toEqual(["k0", "k1", "k2"]);
  const needsLong = failsIf((tried) => needsAll(tried) && keysOf(tried).includes(long));
  expect(keysOf((await shrink(findingOf(ops), needsLong, PLENTY)).ops)).toEqual(["k0", long, "zebra"]);
});

test("whatever matters, the smallest log still fails, is part of the first one, and needs each of its operations", async () => {
  const kinds = fc.uniqueArray(fc.constantFrom("put", "delete", "batch", "get", "flush", "crash", "reopen", "scan"), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(anyOps(undefined, 40), kinds, fc.boolean(), async (ops, wanted, inOrder) => {
      const fails = (tried: readonly Op[]): boolean => {
        let from = 0;
        return wanted.every((kind) => {
          const at = tried.findIndex((op, i) => i >= from && op.kind === kind);
          if (inOrder) from = at + 1;
          return at >= 0;
        });
      };
      fc.pre(fails(ops));
      const result = await shrink(findingOf(ops, "small"), failsIf(fails), PLENTY);
      expect(fails(result.ops)).toBe(true);
      const ids = ops.map(({ id }) => id);
      expect(result.ops.map(({ id }) => ids.indexOf(id)).every((at, i, all) => at > (all[i - 1] ?? -1))).toBe(true);
      for (const op of result.ops) expect(fails(result.ops.filter((other) => other !== op))).toBe(false);
      expect(await shrink(findingOf(ops, "small"), failsIf(fails), PLENTY)).toEqual(result);
    }),
    { numRuns: 150 },
  );
});
