// A directory as the inspecting commands see it: what cannot be looked at is one file's problem.

import { bytewise, KeyOrder } from "../common/comparator.ts";
import { expect, test } from "vitest";
import { CheckedEnv } from "../util/checked-env.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { open } from "./database.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import { findInFiles } from "./find-in-files.ts";
import { surveyStore } from "./survey.ts";

const PATH = "/db";
const ORDER = new KeyOrder(bytewise);
const KEY = Buffer.from("k");

function store(): MemoryEnv {
  const env = new MemoryEnv();
  const db = open(PATH, { env });
  db.put("k", "in a table");
  db.flush();
  db.put("k", "in the log");
  db.close();
  return env;
}

test.each([".sst", ".log", "MANIFEST-", "CURRENT"])(
  "a %s that may not be read is told, and the others are read",
  (which) => {
    const memory = store();
    const env = new FaultyEnv(memory);
    const name = memory.readDirectory(PATH).find((file) => file.includes(which))!;
    env.fail(({ kind, file }) => kind === "open" && file === name, "EACCES");
    const checked = new CheckedEnv(env);
    const survey = surveyStore(checked, PATH, ORDER);
    const found = findInFiles(checked, PATH, survey, KEY, ORDER);
    const problems = [...survey.problems, ...found.problems].filter(({ file }) => file === name);
    expect(problems.map(({ problem }) => problem)).toContain("may not be read");
    const values = found.versions.map(({ value }) => value?.toString());
    expect(values).toEqual(
      ["in the log", "in a table"].filter(
        (value) => !(which === ".sst" && value === "in a table") && !(which === ".log" && value === "in the log"),
      ),
    );
  },
);

test("a name that is taken by something else than a file is told once", () => {
  const env = store();
  const name = env.readDirectory(PATH).find((file) => file.endsWith(".sst"))!;
  env.unlink(`${PATH}/${name}`);
  env.makeDirectory(`${PATH}/${name}`);
  const { problems, tables } = surveyStore(env, PATH, ORDER);
  expect(problems).toEqual([{ file: name, offset: 0, problem: "a directory, not a file" }]);
  expect(tables).toMatchObject([{ name, size: undefined }]);
});
