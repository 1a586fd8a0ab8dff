import { expect, test } from "vitest";
import {
  CONFIGURATIONS,
  ConfigurationError,
  configurationNamed,
  levelsOf,
  parseConfiguration,
  randomConfiguration,
  withLevels,
} from "./configurations.ts";

test("every configuration is found by its name", () => {
  for (const configuration of CONFIGURATIONS) {
    expect(parseConfiguration(configuration.name)).toBe(configuration);
    expect(configuration.name).toMatch(/^[a-z0-9-]+$/);
  }
  expect(new Set(CONFIGURATIONS.map((configuration) => configuration.name)).size).toBe(CONFIGURATIONS.length);
  const numeric = Object.values(configurationNamed("least").options).filter((value) => typeof value === "number");
  expect(numeric.length).toBe(17);
});

test("options in text are set on top of what is named, or of the default", () => {
  expect(parseConfiguration("blockSize=64,walRecycle=false").options).toEqual({ blockSize: 64, walRecycle: false });
  const least = parseConfiguration("least,blockSize=64,background=manual");
  expect(least.options).toEqual({ ...configurationNamed("least").options, blockSize: 64, background: "manual" });
  expect(parseConfiguration("memory,sync=true").env).toBe("memory");
  expect(parseConfiguration(least.name)).toEqual(least);
});

test("what is not known is refused", () => {
  for (const text of [
    "",
    "nothing",
    "blockSize",
    "blockSize=",
    "blockSize=x",
    "blockSize=-1",
    "=1",
    "small,",
    "walRecycle=1",
    "background=fast",
    "toString=1",
  ]) {
    expect(() => parseConfiguration(text)).toThrow(ConfigurationError);
  }
});

test("a random configuration is its text, and seeds differ", () => {
  const names = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const configuration = randomConfiguration(String(seed));
    expect(parseConfiguration(configuration.name)).toEqual(configuration);
    expect(randomConfiguration(String(seed))).toEqual(configuration);
    names.add(configuration.name);
  }
  expect(names.size).toBeGreaterThan(195);
});

test("levels never shrink from one open to the next", () => {
  const least = configurationNamed("least");
  expect(levelsOf(configurationNamed("default"))).toBe(7);
  expect(levelsOf(withLevels(least, 7))).toBe(7);
  expect(withLevels(configurationNamed("small"), 7)).toBe(configurationNamed("small"));
  expect(withLevels(least, 2)).toBe(least);
});
