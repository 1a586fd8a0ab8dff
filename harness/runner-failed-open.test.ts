import { expect, test } from "vitest";
import { ContentStore } from "./disk/image.ts";
import { wrongOfFailedOpen } from "./runner-failed-open.ts";

const contents = new ContentStore();
const of = (files: Record<string, string>): Map<string, ReturnType<ContentStore["of"]>> =>
  new Map(Object.entries(files).map(([name, text]) => [`/d/store/${name}`, contents.of(Buffer.from(text))]));

const BEFORE = { "000001.log": "log", "MANIFEST-000002": "manifest", CURRENT: "MANIFEST-000002 x\n", LOCK: "1" };

test("a failed open may leave new files, LOCK and CURRENT.tmp in any state, and CURRENT naming a new manifest", () => {
  const after = { ...BEFORE, "000003.sst": "table", "CURRENT.tmp": "x", LOCK: "2" };
  expect(wrongOfFailedOpen(of(BEFORE), of(after))).toBeUndefined();
  expect(wrongOfFailedOpen(of(after), of(BEFORE))).toBe("000003.sst was removed");
  const installed = { ...BEFORE, CURRENT: "MANIFEST-000004 y\n", "MANIFEST-000004": "new" };
  expect(wrongOfFailedOpen(of(BEFORE), of(installed))).toBeUndefined();
});

test("a failed open that removes, changes, or misdirects CURRENT is found", () => {
  const { CURRENT, ...rest } = BEFORE;
  expect(wrongOfFailedOpen(of(BEFORE), of(rest))).toBe("CURRENT was removed");
  expect(wrongOfFailedOpen(of(BEFORE), of({ ...rest, CURRENT, "000001.log": "l" }))).toBe("000001.log was changed");
  expect(wrongOfFailedOpen(of(BEFORE), of({ ...rest, CURRENT: "MANIFEST-000009 y\n" }))).toBe(
    "CURRENT was changed and names MANIFEST-000009",
  );
  const other = { ...BEFORE, "MANIFEST-000001": "old" };
  expect(wrongOfFailedOpen(of(other), of({ ...other, CURRENT: "MANIFEST-000001 y\n" }))).toBeDefined();
});
