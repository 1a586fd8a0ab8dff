// The pages of failures and of runs, made of real ones and looked at in a browser: on a phone and a desk, in light
// and dark, on paper. Bringing the browser takes half a minute where it is missing and may be installed; where it may not,
// the tests say so and are skipped.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BARRIERS, NodeEnv, type Barrier } from "tinykv/env";
import { afterAll, beforeAll, expect, test, type TestContext } from "vitest";
import { runOne, runTour } from "../../crashtests/power-loss/campaign.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "../../crashtests/power-loss/sequences.ts";
import { addToArtifact, logOf, writeArtifact } from "../artifacts.ts";
import { runCrashLog } from "../crash/crash-log.ts";
import type { EngineMaker } from "../crash/recorded-run.ts";
import { BarrierEnv } from "../disk/barrier-env.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { type Finding, SILENT_HOST } from "../finding.ts";
import { FEATURES } from "../inspector/format-features.ts";
import { parseOp } from "../op-parse.ts";
import { findingPage } from "../../fuzz/finding-page.ts";
import { Browser, findBrowser } from "../report/browser.test-support.ts";
import { pageProblems, SCREENS } from "../report/page-checks.test-support.ts";
import { writeRunPage } from "./run-report.ts";

/** The installation of the browser and some more. */
const SET_UP_MILLISECONDS = 200_000;

let root = "";
let browser: Browser | undefined;
let missing = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tinykv-pages-"));
  const found = await findBrowser();
  if ("program" in found) browser = new Browser(found.program);
  else console.log(`skipped: ${(missing = found.missing)}`);
}, SET_UP_MILLISECONDS);

afterAll(async () => {
  await browser?.close();
  rmSync(root, { recursive: true, force: true });
});

function shownIn({ skip }: TestContext): Browser {
  return browser ?? skip(missing);
}

/** An artifact of our engine without one of its syncs; its directory. */
async function keepWithout(removed: Barrier, letters: string): Promise<string> {
  const policy = (name: Barrier): "skip" | "do" => (name === removed ? "skip" : "do");
  const makeEngine: EngineMaker = (env) => new TinyKVEngine({ env: new BarrierEnv(env, policy) });
  const config = SEQUENCE_CONFIGS[0]!;
  const log = { seed: "1", config, ops: sequenceOf(letters.split(" "), config) };
  const finding = (await runOne(log, SILENT_HOST, makeEngine)).finding!;
  const directory = writeArtifact(root, finding, { campaign: "crash", command: "npx tinykv-harness crash --seed 1" });
  const { story, account, trace, image } = await runCrashLog(logOf(finding), { makeEngine, explain: true });
  addToArtifact(directory, finding, { story, account, trace, shrunk: finding, ...(image && { image }) });
  return directory;
}

function pageOf(directory: string): { readonly file: string; readonly text: string } {
  const file = join(directory, "report.html");
  return { file, text: readFileSync(file, "utf8").replaceAll(/\s+/g, " ") };
}

function headings(text: string): string[] {
  return [...text.matchAll(/<h[23][^>]*>([^<]*)</g)].map(([, title]) => title!);
}

test("the page of a missing sync tells the crash, names the sync, and reads everywhere", async (context) => {
  const shown = shownIn(context);
  const { file, text } = pageOf(await keepWithout("flush.manifest", "put flush"));
  expect(text.includes("C3 failed in phase scan")).toBe(true);
  const named = /With an fsync of MANIFEST-000001 between I\/O \d+ \(write\) and I\/O \d+ \(unlink\), flush\.manifest/;
  expect(named.test(text)).toBe(true);
  expect(/<code>npx tinykv-harness replay [^<]+-C3<\/code>/.test(text)).toBe(true);
  for (const title of ["Operations", "Timeline", "Pending at the crash", "I/O", "Keys that differ", "Levels"])
    expect(headings(text)).toContain(title);
  expect(await pageProblems(shown, file)).toEqual([]);
});

test("a page of two crashes tells each of them", async (context) => {
  const shown = shownIn(context);
  const { file, text } = pageOf(await keepWithout("close.log", "put"));
  for (const title of ["Crash 1", "Crash 2", "Life 1 ends in a kill"]) expect(headings(text)).toContain(title);
  expect(await pageProblems(shown, file)).toEqual([]);
});

test("of a run that met no crash the page shows the store, and hostile words stay words", async (context) => {
  const shown = shownIn(context);
  const store = join(root, "store");
  const config = "small,writeBufferSize=4096,targetFileSize=2048";
  const run = new TinyKVEngine({ env: new NodeEnv() }).open(store, config);
  for (let i = 0; i < 400; i++) run.put(Buffer.from(`key ${i}`.repeat(i % 9)), Buffer.alloc(40), false);
  run.close();
  const key = "\u0000<script>alert(1)</script>".repeat(20);
  const finding: Finding = {
    condition: "C8",
    phase: "running",
    message: `get of ${JSON.stringify(key)} gave "nothing"`,
    seed: "1:run:7",
    workload: "mixed",
    config,
    ops: Array.from({ length: 300 }, (_, i) => parseOp(`${i + 1} put a 0.${i + 1}.20`)),
    keys: [{ key, expected: { incarnation: 0, id: 3, length: 1 }, found: "nothing" }],
    stack: `Failure: wrong\n    at ${"deep/".repeat(60)}file.ts:1:1`,
  };
  const command = "npx tinykv-harness run --seed 1:run:7";
  const { file, text } = pageOf(writeArtifact(root, finding, { campaign: "run", command, store, op: 299 }));
  expect(text.includes("<script")).toBe(false);
  expect(headings(text)).toEqual(["Operations", "Keys that differ", "Levels", "Stack", "Beside this page"]);
  expect(text.includes("The last 200 of 300.")).toBe(true);
  expect(text.match(/<th scope="row" class="text">\d<\/th><td class="code">\d{6}\.sst</g)?.length).toBeGreaterThan(2);
  expect(await pageProblems(shown, file)).toEqual([]);
});

test("what a fuzzer found has a page of its own", async (context) => {
  const shown = shownIn(context);
  const file = join(root, "fuzz.html");
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
  const finding = {
    campaign: "fuzz",
    target: "batch",
    condition: "C22",
    problem: "RangeError: kind",
    seed: "7",
    executions: 1200,
    replay: "npx tinykv-harness replay artifacts/fuzz-batch-0",
    stack: "RangeError: kind\n    at decode",
  } as const;
  writeFileSync(file, findingPage({ finding, bytes, original: new Uint8Array(5000) }));
  expect(await pageProblems(shown, file)).toEqual([]);
});

test("the page of a run that found nothing shows what it covered, and what it did not", async (context) => {
  const shown = shownIn(context);
  const { counters, ops, coverage } = await runTour({ shard: { index: 3, count: 4 } }, SILENT_HOST);
  const { images, tier2, second, configs } = counters;
  const suite = { suite: "crash", units: 1, ops, seconds: 2.5, failures: [], coverage };
  const run = { artifacts: root, command: "crash", seed: "a/b", line: "npx tinykv-harness crash --tour", seconds: 2.5 };
  const results = [{ ...suite, counters: { images, tier2, second, configs }, tables: { kinds: { put: 2, flush: 1 } } }];
  const file = writeRunPage({ ...run, results, complaints: [] });
  expect(file).toBe(join(root, "crash-a-b", "report.html"));
  const { text } = pageOf(join(root, "crash-a-b"));
  expect(headings(text)).toEqual([
    "Suites",
    "Where crashes fell",
    "What images showed of the formats",
    "Conditions",
    "Configurations",
    "Operations by kind",
  ]);
  for (const barrier of BARRIERS) expect(text).toContain(`<th scope="row">${barrier}</th>`);
  const shownCount = new Map(
    [...text.matchAll(/<th scope="row">([^<]+)<\/th><td class="[^"]*">([^<]+)<\/td>/g)].map(([, name, count]) => [
      name,
      count,
    ]),
  );
  expect(coverage.features.wide).toBeGreaterThan(0);
  expect(shownCount.get(FEATURES.wide)).toBe(String(coverage.features.wide));
  expect(coverage.features.twoLevels).toBe(0);
  expect(shownCount.get(FEATURES.twoLevels)).toBe("in none");
  expect(await pageProblems(shown, file)).toEqual([]);
  const picture = await (await shown.open(file, SCREENS[0]!)).picture();
  expect([...picture.subarray(1, 4)]).toEqual([..."PNG"].map((letter) => letter.charCodeAt(0)));
  expect(picture.readUInt32BE(16)).toBe(SCREENS[0]!.width);
});

test("what is wrong with a page is seen", async (context) => {
  const shown = shownIn(context);
  const file = join(root, "bad.html");
  writeFileSync(
    file,
    `<!doctype html><body style="margin:0;width:2000px"><p style="position:absolute;top:0;margin:0">one</p><p style="margin:0">two</p>
<p style="color:#aaa;background:#fff">pale</p><p hidden>gone</p><p style="font-size:8px">small</p>
<table><tr><td>a</td></tr></table><svg role="img"></svg><a href="#no">x</a><i id="a">1</i><i id="a">2</i>
<img src="https://example.invalid/x.png" alt=""><script>nothing()</script></body>`,
  );
  const problems = (await pageProblems(shown, file)).filter((problem) => problem.startsWith("390 px: ")).join("\n");
  for (const seen of [
    "is 2000 px wide",
    '"one" lies on "two"',
    'contrast 2.32 of "pale"',
    'nobody sees "gone"',
    "letters of 8px",
    "a table without a caption",
    "a table whose columns have no names",
    "a picture without a name",
    "a link to nowhere: #no",
    "two parts with one id",
    "not one h1",
    "asks for https://example.invalid/x.png",
    "nothing is not defined",
  ])
    expect(problems).toContain(seen);
});

test("a page prints: every row of its tables is on some sheet", async (context) => {
  const shown = shownIn(context);
  const { file } = pageOf(await keepWithout("rotate.old-log", "put flush"));
  const page = await shown.open(file, { width: 718, height: 1000, print: true });
  const pdf = await page.pdf();
  expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  expect(pdf.toString("latin1").match(/\/Type \/Page\b/g)!.length).toBeGreaterThan(1);
});
