import { expect, test } from "vitest";
import { isKey, keyBytes, keyOf } from "./keys.ts";

test("a key is its bytes, whatever its length and its characters", () => {
  for (let length = 0; length <= 70; length++) {
    const key = Array.from({ length }, (_, i) => String.fromCharCode((i * 37 + length * 11) & 0xff)).join("");
    const bytes = keyBytes(key);
    expect([...bytes]).toEqual(Array.from({ length }, (_, i) => (i * 37 + length * 11) & 0xff));
    expect(keyOf(bytes)).toBe(key);
    expect(isKey(bytes, key)).toBe(true);
  }
});
