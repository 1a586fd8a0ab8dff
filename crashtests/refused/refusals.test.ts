import { expect, test } from "vitest";
import { findRefusal } from "./refusals.ts";

test("what must be refused is refused, and changes nothing", () => {
  expect(findRefusal()).toBeUndefined();
});
