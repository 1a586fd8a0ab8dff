import { expect, test } from "vitest";
import { stackProblem } from "./stacks.ts";

test("a compaction of a part of what lies above each other brings no old version back", () => {
  for (let n = 0; n < 300; n++) expect(stackProblem(`test ${n}`), `stack ${n}`).toBeUndefined();
});
