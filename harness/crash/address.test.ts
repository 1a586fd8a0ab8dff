import { expect, test } from "vitest";
import type { Choices, Fill } from "../disk/choice.ts";
import { crashImages } from "../disk/crash-images.ts";
import { RandomProgram } from "../disk/random-program.test-support.ts";
import { Scene } from "../disk/scene.ts";
import type { PendingItem } from "../disk/pending-item.ts";
import type { Trace, TraceEvent } from "../disk/trace.ts";
import type { Survival } from "../op.ts";
import { Random } from "../workloads/random.ts";
import { addressOf, choicesOf, eventName, fillOf, placeOf, rolesOf, STALE, survivalOf } from "./address.ts";

const ROOT = "/d/store";

const begin = (op: number): TraceEvent => ({ mark: "begin", op });
const end = (op: number): TraceEvent => ({ mark: "end", op, acknowledged: true });
const write = (file = 1): TraceEvent => ({ call: "write", file, position: 0, bytes: new Uint8Array(1) });
const sync = (file = 1): TraceEvent => ({ call: "sync", file, barrier: "log.write" });

const TRACE: Trace = [
  begin(0),
  { call: "open", path: `${ROOT}/a`, mode: "wx", file: 1 },
  write(),
  end(0),
  begin(3),
  write(),
  write(),
  sync(),
  write(),
  end(3),
  begin(7),
  write(),
  sync(),
  { call: "syncDirectory", path: ROOT, barrier: "log.directory" },
  end(7),
];

test("an address leads back to its event, from every event", () => {
  TRACE.forEach((_, i) => expect(placeOf(TRACE, addressOf(TRACE, i, "after"))).toBe(i));
});

test("a call is counted among those of its name in its operation, a sync by its barrier", () => {
  expect(addressOf(TRACE, 8, "inside")).toEqual({ op: 3, call: "write", nth: 2, when: "inside" });
  expect(addressOf(TRACE, 7, "before")).toEqual({ op: 3, call: "log.write", nth: 0, when: "before" });
  expect(addressOf(TRACE, 13, "after")).toEqual({ op: 7, call: "log.directory", nth: 0, when: "after" });
  expect(addressOf(TRACE, 14, "after")).toEqual({ op: 7, call: "return", nth: 0, when: "after" });
});

test("an address holds when other operations go", () => {
  const without = [...TRACE.slice(0, 4), ...TRACE.slice(10)];
  for (let i = 10; i < TRACE.length; i++) {
    const at = placeOf(without, addressOf(TRACE, i, "after"));
    expect(without[at]).toBe(TRACE[i]);
  }
});

test("an address without its event has no place", () => {
  const address = addressOf(TRACE, 8, "after");
  expect(placeOf(TRACE.slice(0, 8), address)).toBe(-1);
  expect(placeOf(TRACE, { ...address, op: 4 })).toBe(-1);
  expect(placeOf(TRACE, { ...address, nth: 3 })).toBe(-1);
});

test("events are named by call, barrier, or mark", () => {
  expect([write(), sync(), begin(1), end(1)].map(eventName)).toEqual(["write", "log.write", "begin", "return"]);
});

function storeScene(): Scene {
  const scene = new Scene({ "d/": "", "d/store/": "", "d/store/000003.log": "-".repeat(4096), "d/store/x": "0" });
  return scene;
}

test("items are named by the role of their file, counted from the newest", () => {
  const scene = storeScene();
  scene.open("d/store/000003.log").write("xy", 511);
  scene.create("d/store/000012.log").write("log");
  scene.create("d/store/MANIFEST-000009");
  scene.create("d/store/CURRENT.tmp");
  scene.rename("d/store/CURRENT.tmp", "d/store/CURRENT");
  scene.create("d/store/000010.sst");
  scene.makeDirectory("d/store/lost");
  scene.create("d/store/lost/000004.log");
  expect(rolesOf(scene.disk.pending(), ROOT)).toEqual([
    "page:0:log-1",
    "page:0:log",
    "size:log",
    "create:log",
    "create:manifest",
    "create:CURRENT.tmp",
    "rename:CURRENT.tmp>CURRENT",
    "create:table",
    "mkdir:lost",
    "create:lost/log",
  ]);
});

test("roles hold when files have other numbers", () => {
  const rolesWith = (log: string, manifest: string): string[] => {
    const scene = storeScene();
    scene.create(`d/store/${log}.log`).write("1");
    scene.create(`d/store/MANIFEST-${manifest}`).write("2");
    scene.unlink("d/store/000003.log");
    return rolesOf(scene.disk.pending(), ROOT);
  };
  expect(rolesWith("000005", "000006")).toEqual(rolesWith("001005", "000999"));
});

test("items of one role are told apart", () => {
  const scene = storeScene();
  scene.unlink("d/store/x");
  scene.create("d/store/x");
  scene.unlink("d/store/x");
  expect(rolesOf(scene.disk.pending(), ROOT)).toEqual(["unlink:x", "create:x", "unlink:x#2"]);
});

/** What of a survival is told, and what is made of it again. */
function again(items: readonly PendingItem[], choices: Choices, fill: Fill): { choices: Choices; fill: Fill } {
  const roles = rolesOf(items, ROOT);
  const survival = survivalOf(roles, items, { choices, fill });
  return { choices: choicesOf(roles, items, survival), fill: fillOf(survival) };
}

test("every image of a program's disk comes again from the names of what survived", () => {
  for (let seed = 0; seed < 40; seed++) {
    const program = new RandomProgram(new Random(`address:${seed}`), { faultEvery: 9 });
    for (let step = 0; step < 20; step++) program.step();
    const { disk } = program.scene;
    const items = disk.pending();
    expect(new Set(rolesOf(items, ROOT)).size).toBe(items.length);
    for (const image of crashImages(disk, { samples: 5, seed: "1", onCapped: () => undefined })) {
      const survival = image.survival();
      const { choices, fill } = again(items, survival.choices, survival.fill);
      expect(choices).toEqual(survival.choices);
      expect(disk.image(items, choices, fill).key).toBe(image.image().key);
    }
  }
});

test("nothing, everything, some kept, some lost", () => {
  const scene = storeScene();
  scene.open("d/store/x").write("1");
  scene.create("d/store/y");
  const items = scene.disk.pending();
  const roles = rolesOf(items, ROOT);
  const versions = (survival: Survival): number[] => choicesOf(roles, items, survival).map(({ version }) => version);
  expect(roles).toEqual(["page:0:x", "create:y"]);
  expect(versions({ kind: "none" })).toEqual([0, 0]);
  expect(versions({ kind: "all" })).toEqual([1, 1]);
  expect(versions({ kind: "keep", items: ["create:y"] })).toEqual([0, 1]);
  expect(versions({ kind: "lose", items: ["create:y"] })).toEqual([1, 0]);
  expect(() => versions({ kind: "seed", seed: 1 } as unknown as Survival)).toThrow("drawn");
});

test("versions count back from the newest, and never past the durable one", () => {
  const scene = storeScene();
  const file = scene.open("d/store/x");
  for (const text of ["1", "2", "3"]) file.write(text);
  const items = scene.disk.pending();
  const roles = rolesOf(items, ROOT);
  const told = survivalOf(roles, items, { choices: [{ version: 2 }], fill: "zeros" });
  expect(told).toEqual({ kind: "keep", items: ["page:0:x@-1"] });
  expect(choicesOf(roles, items, { kind: "keep", items: ["page:0:x@-9"] })).toEqual([{ version: 0 }]);
});

test("sectors of a torn page and stale bytes are told", () => {
  const scene = storeScene();
  scene.open("d/store/000003.log").write("xy", 511);
  const items = scene.disk.pending();
  const roles = rolesOf(items, ROOT);
  const told = survivalOf(roles, items, { choices: [{ version: 1, torn: 2 }], fill: "stale" });
  expect(told).toEqual({ kind: "keep", items: [STALE, "page:0:log~2"] });
  expect(choicesOf(roles, items, told)).toEqual([{ version: 1, torn: 2 }]);
  expect([fillOf(told), fillOf({ kind: "all" }), fillOf({ kind: "none" })]).toEqual(["stale", "zeros", "zeros"]);
});

test("stale bytes are told although no item survives", () => {
  const told = survivalOf([], [], { choices: [], fill: "stale" });
  expect(fillOf(told)).toBe("stale");
});

test("names that no item has are passed over", () => {
  const scene = storeScene();
  scene.create("d/store/y");
  const items = scene.disk.pending();
  expect(choicesOf(rolesOf(items, ROOT), items, { kind: "keep", items: ["size:log", "create:y"] })).toEqual([
    { version: 1 },
  ]);
});
