import { expect, test } from "vitest";
import { HeldSyncs } from "./held-syncs.ts";
import { ImageEnv } from "./image-env.ts";

const LOG = "/store/1.log";

function heldDisk(): { syncs: HeldSyncs; begin: (name: string) => void; ended: string[] } {
  const disk = new ImageEnv();
  disk.makeDirectory("/store");
  const syncs = new HeldSyncs(disk);
  const file = syncs.open(LOG, "wx");
  const ended: string[] = [];
  const begin = (name: string): void =>
    void file.syncAsync("log.group").then(
      () => ended.push(name),
      (error: unknown) => ended.push(`${name} ${(error as { code: string }).code}`),
    );
  return { syncs, begin, ended };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a sync ends when it is told to, the nth of those under way, modulo their number", async () => {
  const { syncs, begin, ended } = heldDisk();
  for (const name of ["a", "b", "c"]) begin(name);
  await turn();
  expect([syncs.held, ended]).toEqual([3, []]);
  expect(syncs.settle(4, "ok")).toBe(true);
  await turn();
  expect(ended).toEqual(["b"]);
  expect(syncs.settleAll()).toBe(true);
  await turn();
  expect([ended, syncs.settle(0, "ok"), syncs.settleAll()]).toEqual([["b", "a", "c"], false, false]);
});

test("one that fails stops its store until somebody takes the lock again", async () => {
  const { syncs, begin, ended } = heldDisk();
  begin("a");
  await turn();
  expect([syncs.injected, syncs.mustStop]).toEqual([0, false]);
  syncs.settle(0, "fail");
  await turn();
  expect([ended, syncs.injected, syncs.mustStop]).toEqual([["a EIO"], 1, true]);
  syncs.lock("/other.LOCK").release();
  expect(syncs.mustStop).toBe(true);
  syncs.lock("/store/LOCK").release();
  expect([syncs.injected, syncs.mustStop]).toEqual([1, false]);
});
