// A driver that breaks the protocol is told so, in words; one that dies or hangs is noticed.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fastDirectory } from "../../fast-directory.ts";
import { DriverDied, DriverProcess } from "./driver-process.ts";
import { DriverError, ProtocolError } from "./protocol.ts";
import { StdioEngine, type StdioStore } from "./stdio-engine.ts";
import { Watchman } from "./watchman.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(fastDirectory(), "tinykv-stdio-test-"));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const OPENED =
  '{"id":1,"ok":true,"protocol":1,"capabilities":["batch","scan"],"durability":{"sync":"power","noSync":"kill"}}';

/** A driver that says these lines, one for each request, whatever is asked. */
function saying(...answers: string[]): string[] {
  const script = join(scratch, "driver.sh");
  const lines = answers.map((answer) => `read -r request; printf '%s\\n' '${answer}'`);
  writeFileSync(script, `#!/bin/sh\n${lines.join("\n")}\n`);
  chmodSync(script, 0o755);
  return [script];
}

function open(...answers: string[]): StdioStore {
  const command = saying(OPENED, '{"id":2,"ok":true}');
  const engine = StdioEngine.find("stdio:test", command, join(scratch, "probe"));
  saying(OPENED, ...answers);
  return engine.open(join(scratch, "store"), "default");
}

// Those that nobody has removed; other tests' drivers have theirs for a moment.
function driverDirectories(): string[] {
  return readdirSync(fastDirectory()).filter((name) => name.startsWith("tinykv-driver-"));
}

const KEY = Buffer.from("k");

test("a driver is asked what its engine can do and claims", () => {
  const engine = StdioEngine.find("stdio:test", saying(OPENED, '{"id":2,"ok":true}'), join(scratch, "probe"));
  expect([...engine.capabilities]).toEqual(["batch", "scan"]);
  expect(engine.durability).toEqual({ sync: "power", noSync: "kill" });
});

test.each([
  ["another protocol", OPENED.replace('"protocol":1', '"protocol":2'), /protocol 2/],
  ["a capability that there is not", OPENED.replace("batch", "teleport"), /teleport/],
  ["no durability", '{"id":1,"ok":true,"protocol":1,"capabilities":[]}', /durability/],
  ["no JSON", "hello", /is no JSON/],
  ["the answer to another request", '{"id":7,"ok":true}', /answer 7 to request 1/],
  ["an error without a code", '{"id":1,"ok":false}', /an answer is/],
])("%s in answer to open is refused", (_what, answer, words) => {
  expect(() => StdioEngine.find("stdio:test", saying(answer), join(scratch, "probe"))).toThrow(words);
});

test("what an engine refuses has its code", () => {
  const store = open('{"id":2,"ok":false,"code":"UNSUPPORTED","message":"too long"}', '{"id":3,"ok":true}');
  expect(() => store.put(KEY, KEY, false)).toThrow(DriverError);
  store.close();
});

test("hex is lower-case, whole, and nothing else; null is no value", () => {
  const store = open(
    '{"id":2,"ok":true,"value":"0A"}',
    '{"id":3,"ok":true,"value":"0"}',
    '{"id":4,"ok":true,"value":null}',
    '{"id":5,"ok":true,"value":"0a"}',
    '{"id":6,"ok":true}',
  );
  expect(() => store.get(KEY)).toThrow(ProtocolError);
  expect(() => store.get(KEY)).toThrow(ProtocolError);
  expect(store.get(KEY)).toBeUndefined();
  expect(store.get(KEY)).toEqual(Buffer.from([10]));
  store.close();
});

test("answers are in the order of the requests, or it is said", () => {
  const store = open('{"id":3,"ok":true,"value":true}', '{"id":2,"ok":true}');
  expect(() => store.has(KEY)).toThrow(/answer 3 to request 2/);
  store.kill();
  store.reap();
});

test("a driver that ends is not waited for, and what it said on standard error is told", () => {
  const driver = new DriverProcess(["sh", "-c", "read -r line; echo out of luck >&2; exit 3"]);
  driver.send("{}");
  expect(() => driver.receive()).toThrow(DriverDied);
  expect(() => driver.receive()).toThrow(/ended by itself: out of luck/);
  driver.end();
});

test("what was answered before a driver was killed can still be had", () => {
  const driver = new DriverProcess(["sh", "-c", "read -r line; printf 'one\\ntwo\\n'; sleep 60"]);
  driver.send("{}");
  expect(driver.receive()).toBe("one");
  driver.kill();
  expect(driver.receiveOrEnd()).toBe("two");
  expect(driver.receiveOrEnd()).toBeUndefined();
  driver.end();
});

test("a program that is not there cannot be started, and leaves no pipes", () => {
  expect(() => new DriverProcess([join(scratch, "nothing")])).toThrow(ProtocolError);
  expect(existsSync(join(scratch, "nothing"))).toBe(false);
});

test("a process that is waited for in vain is killed", async () => {
  const watchman = new Watchman(200);
  const child = spawn("sleep", ["60"], { detached: true });
  watchman.begin(child.pid!, 0, "read");
  const signal = await new Promise((resolve) => child.on("exit", (_code, by) => resolve(by)));
  expect(signal).toBe("SIGKILL");
  expect(watchman.killed(child.pid!)).toBe(true);
});

test("a driver's end is not waited for without end where somebody else holds its pipes", () => {
  const driver = new DriverProcess(["sh", "-c", "setsid sleep 60 & echo one; sleep 60"], {}, new Watchman(200));
  expect(driver.receive()).toBe("one");
  driver.kill();
  expect(driver.receiveOrEnd()).toBeUndefined();
  const other = new DriverProcess(["sh", "-c", "exec 3<&0; setsid sleep 61 <&3 & sleep 60"], {}, new Watchman(200));
  other.send("x".repeat(1 << 20));
  expect(() => other.receive()).toThrow(/hung, and was killed/);
  for (const each of [driver, other]) each.end();
});

test("a driver that nobody ends leaves no file behind", async () => {
  const before = driverDirectories();
  const driver = new DriverProcess(["sh", "-c", "read -r line; echo out of luck >&2; exit 3"]);
  const made = driverDirectories().filter((name) => !before.includes(name));
  await vi.waitFor(() => expect(driverDirectories().filter((name) => made.includes(name))).toEqual([]));
  driver.send("{}");
  expect(() => driver.receive()).toThrow(/out of luck/);
  driver.end();
});
