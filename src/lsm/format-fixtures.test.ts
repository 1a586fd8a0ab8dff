import { expect, test } from "vitest";
import { nodeEnv } from "../util/node-env.ts";
import { open, type Database } from "./database.ts";
import { image } from "./engine.test-support.ts";
import {
  fixtureEntries,
  fixturePath,
  loadFixture,
  makeFixture,
  writeMissingFixtures,
} from "./format-fixtures.test-support.ts";

const FIXTURES = ["v1", "v1-killed"] as const;

if (process.env["WRITE_FIXTURES"] === "1") writeMissingFixtures();

function hexEntries(db: Database): [string, string][] {
  return [...db.iterate()].map(([key, value]) => [key.toString("hex"), value.toString("hex")]);
}

function expectContents(db: Database, expected: readonly [string, string][]): void {
  expect(hexEntries(db)).toEqual(expected);
  for (const [key, value] of expected) expect(db.get(Buffer.from(key, "hex"))?.toString("hex")).toBe(value);
  for (const gone of ["key-011", "key-040", "torn"]) expect(db.get(gone)).toBeUndefined();
  expect(db.verify().problems).toEqual([]);
}

test.each(FIXTURES)("a store of format version 1 opens read-only, on the disk that it lies on: %s", (name) => {
  const path = fixturePath(name);
  const before = image(nodeEnv, path);
  const db = open(path, { readOnly: true });
  expectContents(db, fixtureEntries(name));
  expect(db.recovery.clean).toBe(name === "v1");
  expect(db.recovery.tornBytes > 0).toBe(name === "v1-killed");
  const used = db.stats().levels.filter(({ tables }) => tables > 0);
  expect(used.map(({ level }) => level)).toEqual([0, expect.any(Number)]);
  expect(db.stats().memtables.entries).toBeGreaterThan(0);
  db.close();
  expect(image(nodeEnv, path)).toEqual(before);
});

test.each(FIXTURES)("a store of format version 1 opens for writing and goes on: %s", (name) => {
  const { env, path } = loadFixture(name);
  const expected = fixtureEntries(name);
  const db = open(path, { env });
  expectContents(db, expected);
  db.compactRange();
  expectContents(db, expected);
  db.put("zz new", "written by a later version");
  db.close();
  const again = open(path, { env, createIfMissing: false });
  const entry = (text: string): string => Buffer.from(text).toString("hex");
  const [last, ...others] = expected.toReversed();
  expect(last![0]).toBe("fffe00");
  expectContents(again, [...others.toReversed(), [entry("zz new"), entry("written by a later version")], last!]);
  again.close();
});

test("only the store that was closed opens where no tear is accepted", () => {
  const closed = loadFixture("v1");
  open(closed.path, { env: closed.env, walRecoveryMode: "absolute" }).close();
  const torn = loadFixture("v1-killed");
  expect(() => open(torn.path, { env: torn.env, walRecoveryMode: "absolute" })).toThrow(
    expect.objectContaining({ code: "TINYKV_CORRUPTION" }),
  );
});

test.each(FIXTURES)("making a fixture twice makes the same bytes: %s", (name) => {
  expect(makeFixture(name)).toEqual(makeFixture(name));
});
