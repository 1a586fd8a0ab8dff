// The suite itself: a driver that breaks its promise must be caught, an honest one must pass.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure, generate, parseConfiguration, Runner, runInTurns, StdioEngine } from "tinykv/harness";
import { keptDriverLives, replayDriverLives } from "./driver-lives.ts";
import { runDriverKills } from "./driver-campaign.ts";

const DRIVER = fileURLToPath(
  new URL("../../dist/harness/engines/drivers/cheating-driver.test-support.js", import.meta.url),
);

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "tinykv-drivers-test-"));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function engine(cheat: string): StdioEngine {
  return StdioEngine.find(`stdio:${cheat}`, [process.execPath, DRIVER, ...cheat.split(" ")], join(scratch, "probe"));
}

async function differential(cheat: string, ops: number): Promise<number> {
  const runner = new Runner({ engine: engine(cheat), directory: join(scratch, "store"), config: "default" });
  let done = 0;
  await runInTurns(
    (function* () {
      for (const workload of ["mixed", "delete-heavy"] as const) {
        const config = parseConfiguration("default");
        const numbering = { firstId: done * 10_000 + 1 };
        for (const op of generate({ workload, seed: "drivers", ops, keys: 400, config, ...numbering })) {
          yield* runner.run(op);
          done++;
        }
      }
      yield* runner.finish();
    })(),
  );
  return done;
}

function kills(cheat: string, rounds: number): ReturnType<typeof runDriverKills> {
  return killsOf(engine(cheat), rounds);
}

function killsOf(killed: StdioEngine, rounds: number): ReturnType<typeof runDriverKills> {
  return runDriverKills({
    engine: killed,
    seed: "drivers",
    rounds,
    dir: join(scratch, "kills"),
    artifacts: join(scratch, "artifacts"),
    now: () => performance.now(),
  });
}

test("an honest driver passes a differential run and a kill suite", async () => {
  await differential("honest", 1500);
  const { failures, rounds, acked } = kills("honest", 6);
  expect(failures).toEqual([]);
  expect(rounds).toBe(6);
  expect(acked).toBeGreaterThan(6 * 20);
});

test.each(["loses-one-key-in-a-thousand", "returns-stale-values", "sorts-as-utf-16"])(
  "a differential run catches a driver that %s",
  async (cheat) => {
    await expect(differential(cheat, 6000)).rejects.toThrow(Failure);
  },
);

test("kills catch a driver that acknowledges-before-writing", () => {
  const { failures } = kills("acknowledges-before-writing", 20);
  expect(failures.map(({ condition }) => condition)).toEqual(["C3"]);
});

test("an engine without scans is asked for every key", () => {
  expect(kills("honest no-scans", 3)).toMatchObject({ failures: [], rounds: 3 });
  const { failures } = kills("acknowledges-before-writing no-scans", 20);
  expect(failures.map(({ condition }) => condition)).toEqual(["C3"]);
});

test("kills catch a driver that keeps-all-in-memory and never makes its directory, and so does a replay", () => {
  const { failures } = kills("keeps-all-in-memory", 3);
  expect(failures.map(({ condition }) => condition)).toEqual(["C3"]);
  const artifact = failures[0]!.directory;
  const replayed = { artifact, scratch: join(scratch, "again"), engine: engine("keeps-all-in-memory") };
  expect(replayDriverLives(keptDriverLives(artifact)!, replayed)?.condition).toBe("C3");
});

test("kills catch a driver that drops-half-a-batch-when-killed", () => {
  const { failures } = kills("drops-half-a-batch-when-killed", 60);
  expect(failures).toHaveLength(1);
  // Half of a batch is no prefix, holds a value from behind the nearest one, or is told as what it is.
  expect(["C2", "C4", "C6"]).toContain(failures[0]!.condition);
});

const OUT_OF_ORDER = `read -r request
echo '{"id":1,"ok":true,"protocol":1,"capabilities":[],"durability":{"sync":"power","noSync":"kill"}}'
read -r request
case $request in *close*) id=2;; *) id=7;; esac
echo '{"id":'$id',"ok":true}'
while read -r request; do :; done`;

test("a driver that answers what nobody asked is a finding, and is kept", () => {
  const command = ["sh", "-c", OUT_OF_ORDER];
  const { failures } = killsOf(StdioEngine.find("stdio:sh", command, join(scratch, "probe")), 1);
  expect(failures).toMatchObject([{ condition: "C8", message: "answer 7 to request 2" }]);
  expect(keptDriverLives(failures[0]!.directory)!.lives[0]!.found?.condition).toBe("C8");
});

test("a driver that dies before it is killed is a finding, is kept, and found again in what was kept", () => {
  const { failures, rounds } = kills("dies-by-itself", 3);
  expect(rounds).toBe(0);
  expect(failures.map(({ condition, message }) => [condition, message])).toEqual([
    ["C1", "the driver ended by itself: out of luck"],
  ]);
  const artifact = failures[0]!.directory;
  expect(existsSync(join(artifact, "store"))).toBe(true);
  const again = replayDriverLives(keptDriverLives(artifact)!, {
    artifact,
    scratch: join(scratch, "again"),
    engine: engine("dies-by-itself"),
  });
  expect(again).toMatchObject({ condition: "C1", message: "the driver ended by itself: out of luck" });
});
