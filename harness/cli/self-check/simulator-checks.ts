// The simulated disk, sentence by sentence (docs/phases/6-verification.md): all that a power cut may leave of a few calls, no
// image less and none more.

import { crashImages } from "../../disk/crash-images.ts";
import { RecordingEnv, type PlannedCall } from "../../disk/recording-env.ts";
import { ImageEnv } from "../../disk/image-env.ts";
import type { Image } from "../../disk/image.ts";
import { Scene, tell } from "../../disk/scene.ts";
import type { CrashJudge } from "../../crash/crash-judge.ts";
import { Enumeration } from "../../crash/enumeration.ts";
import { cutPlaces, type ImageGraph } from "../../crash/image-graph.ts";
import type { RecordedRun } from "../../crash/recorded-run.ts";
import { type Check, sameList } from "./check.ts";

interface SceneLaw {
  readonly law: string;
  readonly durable?: Readonly<Record<string, string>>;
  play(scene: Scene): void;
  readonly cut: readonly string[];
  /** What the next process finds after a kill. */
  readonly kill?: string;
}

const PAGE = 4096;

const SCENES: readonly SceneLaw[] = [
  {
    law: "a write may be lost, and a kill loses nothing",
    durable: { a: "0" },
    play: (scene) => scene.open("a").write("1"),
    cut: ["a=0", "a=1"],
    kill: "a=1",
  },
  {
    law: "close() makes nothing durable",
    durable: { a: "0" },
    play(scene) {
      const file = scene.open("a");
      file.write("1");
      file.close();
    },
    cut: ["a=0", "a=1"],
  },
  {
    law: "fsync makes a file's bytes durable",
    durable: { a: "0" },
    play(scene) {
      const file = scene.open("a");
      file.write("1");
      file.sync();
    },
    cut: ["a=1"],
  },
  {
    law: "fsync of a file does not make its name durable",
    play(scene) {
      const file = scene.create("a");
      file.write("1");
      file.sync();
    },
    cut: ["nothing", "a=1"],
  },
  {
    law: "fsync of a directory makes names durable, and no bytes",
    play(scene) {
      scene.create("a").write("1");
      scene.syncDirectory();
    },
    cut: ["a=", "a=.", "a=1"],
  },
  {
    law: "fsync of one file makes no other durable",
    durable: { a: "0", b: "0" },
    play(scene) {
      scene.open("a").write("1");
      const file = scene.open("b");
      file.write("2");
      file.sync();
    },
    cut: ["a=0 b=2", "a=1 b=2"],
  },
  {
    law: "a rename is one change, and may be lost",
    durable: { a: "1", b: "2" },
    play: (scene) => scene.rename("a", "b"),
    cut: ["a=1 b=2", "b=1"],
  },
  {
    law: "an unlink may be lost",
    durable: { a: "1" },
    play: (scene) => scene.unlink("a"),
    cut: ["a=1", "nothing"],
  },
  {
    law: "names come in any subset",
    play(scene) {
      scene.create("a");
      scene.create("b");
    },
    cut: ["nothing", "a=", "b=", "a= b="],
  },
  {
    law: "a directory's name lives in its parent",
    play(scene) {
      scene.makeDirectory("sub");
      scene.create("sub/a");
      scene.syncDirectory("sub");
    },
    cut: ["nothing", "sub/ sub/a="],
  },
  {
    law: "pages are independent of each other, and of the size",
    durable: { a: "-".repeat(PAGE + 1) },
    play(scene) {
      const file = scene.open("a");
      file.write("1", 0);
      file.write("2", PAGE);
    },
    cut: [`a=-{${PAGE + 1}}`, `a=1-{${PAGE}}`, `a=-{${PAGE}}2`, `a=1-{${PAGE - 1}}2`],
  },
  {
    law: "a page is torn between sectors",
    durable: { a: "-".repeat(1024) },
    play: (scene) => scene.open("a").write("x".repeat(1024)),
    cut: ["a=-{1024}", "a=x{1024}", "a=x{512}-{512}", "a=-{512}x{512}"],
  },
  {
    law: "a truncate may be lost",
    durable: { a: "abc" },
    play: (scene) => scene.open("a").truncate(1),
    cut: ["a=abc", "a=a..", "a=a"],
  },
  {
    law: "what an fsync failed to write no later fsync writes",
    durable: { a: "0" },
    play(scene) {
      const file = scene.open("a");
      file.write("1");
      scene.failing(() => file.sync());
      file.sync();
    },
    cut: ["a=0", "a=1"],
  },
  {
    law: "what was written again behind a failed fsync is made durable by the next",
    durable: { a: "0" },
    play(scene) {
      const file = scene.open("a");
      file.write("1");
      scene.failing(() => file.sync());
      file.write("2");
      file.sync();
    },
    cut: ["a=2"],
  },
  {
    law: "a kill makes nothing durable",
    durable: { a: "0" },
    play(scene) {
      scene.open("a").write("1");
      scene.disk.kill();
    },
    cut: ["a=0", "a=1"],
    kill: "a=1",
  },
  {
    law: "bytes are recorded as they were",
    durable: { a: "00" },
    play(scene) {
      const { handle } = scene.open("a");
      const buffer = Buffer.from("1");
      handle.write(buffer, 0);
      buffer.fill("2");
      handle.write(buffer, 1);
    },
    cut: ["a=00", "a=10", "a=12"],
  },
];

export const SIMULATOR_CHECKS: readonly Check[] = [
  ...SCENES.map(({ law, durable, play, cut, kill }): Check => ({
    group: "simulator",
    law,
    run() {
      const scene = new Scene(durable);
      play(scene);
      const killed = kill === undefined || scene.kill() === kill ? undefined : `a kill leaves ${scene.kill()}`;
      return sameList("a power cut leaves", scene.powerCut(), cut) ?? killed;
    },
  })),
  { group: "simulator", law: "every call is intercepted, and can be made to fail", run: interceptedProblem },
  {
    group: "simulator",
    law: "in a recovery the power goes before each sync, and behind the last call",
    run: placesProblem,
  },
  { group: "simulator", law: "inside a write a kill leaves pages up to any boundary", run: insideProblem },
  { group: "simulator", law: "of many items some are tried in every way", run: manyItemsProblem },
];

const CALLS =
  "open write sync read truncate size close syncBegin makeDirectory link rename unlink readDirectory stat syncDirectory removeDirectory lock release";

function interceptedProblem(): string | undefined {
  const planned: string[] = [];
  const after: string[] = [];
  const env = new RecordingEnv(new ImageEnv(), {
    before: (call: PlannedCall) => void planned.push(call.call),
    after: (event) => void ("call" in event && after.push(event.call)),
  });
  const file = env.open("/a", "wx");
  file.write(Buffer.from("1"), 0);
  file.sync("log.write");
  file.read(Buffer.alloc(1), 0);
  file.truncate(0);
  file.size();
  void file.syncAsync("log.group");
  file.close();
  env.makeDirectory("/sub");
  env.link("/a", "/b");
  env.rename("/b", "/c");
  env.unlink("/c");
  env.readDirectory("/");
  env.stat("/a");
  env.syncDirectory("/", "log.directory");
  env.removeDirectory("/sub");
  env.lock("/lock").release();
  const missed = CALLS.split(" ").filter((call) => !planned.includes(call) || !after.includes(call));
  return missed.length === 0 ? undefined : `not intercepted: ${missed.join(", ")}`;
}

function placesProblem(): string | undefined {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  file.sync();
  file.write("2");
  scene.syncDirectory();
  file.close();
  const before = scene.trace.map((event, i) => ("barrier" in event ? i - 1 : -1)).filter((i) => i >= 0);
  return sameList("places", cutPlaces(scene.trace).map(String), [...before, scene.trace.length - 1].map(String));
}

// What crashes of a trace are judged by, of which the kills are noted.
function insideProblem(): string | undefined {
  const scene = new Scene({ a: "-".repeat(PAGE) });
  const start = scene.disk.imageNone();
  scene.env.mark({ mark: "begin", op: 1 });
  scene.open("a").write("x".repeat(2 * PAGE + 2), PAGE - 1);
  const told = new Map<object, string>();
  const seen: string[] = [];
  const graph = {
    contents: scene.contents,
    imagesOf: () => [],
    node(image: Image): object {
      const node = {};
      told.set(node, tell(image));
      return node;
    },
  } as unknown as ImageGraph;
  const judge = {
    judge: (node: object, _: unknown, how: string) => void (how === "kill" && seen.push(told.get(node)!)),
  } as unknown as CrashJudge;
  const demand = {};
  const demands = scene.trace.map(() => demand).concat(demand);
  const run = { ops: [], config: "", start, trace: scene.trace, demands } as unknown as RecordedRun;
  new Enumeration(run, graph, judge, { recovery: 0 }).run();
  return sameList("kills", seen, ["a=-{4095}x", "a=-{4095}x{4097}", "a=-{4095}x{8193}", "a=-{4095}x{8194}"]);
}

function manyItemsProblem(): string | undefined {
  const scene = new Scene({ a: "-".repeat(9 * PAGE) });
  const file = scene.open("a");
  for (let page = 0; page < 9; page++) file.write(String(page), page * PAGE);
  let capped = 0;
  const images = crashImages(scene.disk, { samples: 16, seed: "many", onCapped: () => capped++ });
  if (capped !== 1) return `capped ${capped} times`;
  // Nothing, everything, each moment, each page alone old and new.
  return images.length >= 2 + 8 + 2 * 8 ? undefined : `only ${images.length} images of nine pages`;
}
