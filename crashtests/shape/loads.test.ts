import { expect, test } from "vitest";
import { costOf, LOADS } from "./loads.ts";

test.each(LOADS)("what it costs: $what", (load) => {
  expect(costOf(load)).toBeUndefined();
});
