// The life of a thread: a start is worth keeping for the next member, a thread that is ended while its modules load leaves
// their descriptors open, and one that does not end must not live for ever.

import { setEnvironmentData, Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WorkerThread } from "./worker-thread.ts";

const BUILT = new URL("../../dist/src/util/worker-thread.js", import.meta.url).href;
const KEY = "tinykv-test-thread";
/** exitCode is that of the thread, plus one. */
const WORDS = { exitCode: 0, refusals: 1, loaded: 2, beatsAtEnd: 3 } as const;

let words = new Int32Array(new SharedArrayBuffer(0));

beforeEach(() => {
  words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(WORDS).length));
  setEnvironmentData(KEY, words.buffer);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.spyOn(Worker.prototype, "terminate");
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A thread's module: `self` is its ThreadSelf, `words` the shared memory. */
function moduleOf(body: string): URL {
  const lines = [
    `import { getEnvironmentData } from "node:worker_threads";`,
    `import { ThreadSelf } from ${JSON.stringify(BUILT)};`,
    `const words = (globalThis.words = new Int32Array(getEnvironmentData(${JSON.stringify(KEY)})));`,
    `const self = new ThreadSelf();`,
    `process.on("exit", (code) => {`,
    `  words[${WORDS.beatsAtEnd}] = Atomics.load(self.pulse, 0);`,
    `  Atomics.store(words, ${WORDS.exitCode}, code + 1);`,
    `});`,
    body,
  ];
  return new URL(`data:text/javascript,${encodeURIComponent(lines.join("\n"))}`);
}

const word = (name: keyof typeof WORDS): number => Atomics.load(words, WORDS[name]);

/** In turns of the event loop, since no timer goes. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const terminations = (): number => vi.mocked(Worker.prototype.terminate).mock.calls.length;
const nobody = (): void => undefined;

test("a thread that all have left serves whoever joins next, and is let go behind a second without anybody", async () => {
  const module = moduleOf(`self.listen(() => undefined); // shared`);
  const first = (): void => undefined;
  const second = (): void => undefined;
  const thread = WorkerThread.join(module, first);
  thread.leave(first);
  vi.advanceTimersByTime(900);
  expect(WorkerThread.join(module, second)).toBe(thread);
  vi.advanceTimersByTime(5_000);
  expect(thread.failure).toBeUndefined();
  thread.leave(second);
  vi.advanceTimersByTime(1_000);
  const next = WorkerThread.join(module, nobody);
  expect(next).not.toBe(thread);
  next.leave(nobody);
  vi.advanceTimersByTime(1_000);
  await until(() => word("exitCode") === 1, "one of them has ended");
});

test("a thread that is let go while its modules load is not terminated: it loads them and ends itself", async () => {
  const thread = WorkerThread.join(moduleOf(`self.listen(() => undefined);`), nobody);
  thread.leave(nobody);
  vi.advanceTimersByTime(1_000);
  expect(thread.beats).toBe(0);
  await until(() => word("exitCode") === 1, "it has ended");
  expect(word("beatsAtEnd")).toBe(1);
  expect(terminations()).toBe(0);
});

test("a thread that does not end itself is terminated after ten seconds", async () => {
  const body = `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => undefined);`;
  const thread = WorkerThread.join(moduleOf(body), nobody);
  thread.leave(nobody);
  vi.advanceTimersByTime(1_000);
  await until(() => thread.beats > 0, "it works");
  vi.advanceTimersByTime(9_999);
  expect(terminations()).toBe(0);
  vi.advanceTimersByTime(1);
  expect(terminations()).toBe(1);
  expect(await vi.mocked(Worker.prototype.terminate).mock.results[0]!.value).toBe(1);
});

test("an import that takes long is refused in time, the thread beats meanwhile, and does not end before it is through", async () => {
  const slow = `await new Promise((go) => setTimeout(go, 800)); words[${WORDS.loaded}] = 1; export default 7;`;
  const body = `
    self.listen(() => undefined);
    const href = "data:text/javascript," + encodeURIComponent(${JSON.stringify(slow)});
    self.load(href, 600).catch(({ message }) => {
      if (/has not loaded within 0.6 seconds/.test(message)) Atomics.store(words, ${WORDS.refusals}, 1);
    });
  `;
  const thread = WorkerThread.join(moduleOf(body), nobody);
  await until(() => word("refusals") === 1, "it is refused");
  expect(word("loaded")).toBe(0);
  expect(thread.beats).toBeGreaterThanOrEqual(3);
  thread.leave(nobody);
  vi.advanceTimersByTime(1_000);
  await until(() => word("exitCode") === 1, "it has ended");
  expect(word("loaded")).toBe(1);
});
