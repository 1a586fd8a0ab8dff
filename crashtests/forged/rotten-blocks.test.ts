import { expect, test } from "vitest";
import { rotProblem } from "./rotten-blocks.ts";

test("a table of which a byte has rotted, in a block of any kind, gives what was put or says so", () => {
  expect(rotProblem()).toBeUndefined();
});
