import { expect, test } from "vitest";
import { findForgery } from "./forged.ts";

test("stores that are wrong on purpose are refused, or give what stands in front of the mistake", () => {
  expect(findForgery()).toBeUndefined();
});
