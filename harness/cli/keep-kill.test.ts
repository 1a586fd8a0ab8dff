// What becomes of a kill that found something. These start workers from dist/, which `npm test` builds first.

import { expect, test, vi } from "vitest";
import { parseOp } from "../op-parse.ts";
import { simulateKills } from "./keep-kill.ts";
import { say } from "./report.ts";

vi.mock("./report.ts", async (original) => ({ ...(await original<object>()), say: vi.fn() }));

const FAILURE = {
  condition: "C3",
  seed: "s:kill:7",
  directory: "kept",
  replay: "the command",
  message: "it is gone",
} as const;

test("a kill that the simulated disk breaks over is told as it was found, and why it could not be tried", async () => {
  const said = vi.mocked(say);
  const { condition, message, seed } = FAILURE;
  // No worker can run that.
  const config = "there-is-no-such-configuration";
  const ops = ["1 put a 0.1.20", "1 crash kill all"].map(parseOp);
  const finding = { condition, message, seed, config, ops, keys: [], phase: "scan", workload: "mixed" } as const;
  expect(await simulateKills([{ ...FAILURE, finding }])).toEqual([FAILURE]);
  expect(said.mock.calls.flat().join()).toMatch(/could not try kept: .*there-is-no-such-configuration/);
});
