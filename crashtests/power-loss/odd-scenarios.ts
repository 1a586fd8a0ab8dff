// Crashes in what no op log does: a checkpoint on another file system, a store that is destroyed, one that is salvaged.

import type { Env } from "tinykv/env";
import {
  BarrierEnv,
  changesDisk,
  ContentStore,
  crashImages,
  EMPTY_DIRECTORIES,
  type EngineMaker,
  entriesOf,
  errnoError,
  expandValue,
  Failure,
  type Finding,
  type Image,
  ImageEnv,
  keyBytes,
  makeImage,
  newDisk,
  type Op,
  recordRun,
  RecordingEnv,
  SimulatedDisk,
  STORE,
  type TraceEvent,
} from "tinykv/harness";
import type { Scenario, ScenarioStage } from "./scenario.ts";
import { runOne } from "./campaign.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

const CONFIG = SEQUENCE_CONFIGS[0]!;
const SALVAGE_CONFIG = `${CONFIG},walRecoveryMode=skipCorrupted`;
const KEYS = ["a", "b", "c"];
const VALUE_BYTES = 300;

/** Tables cannot have two names there, so they are copied. */
export const acrossFileSystems: Scenario = {
  name: "bigBatch flush checkpoint (on another file system)",
  pass: async ({ makeEngine }) =>
    void (await recordRun({ makeEngine: linkless(makeEngine), ops: copiedTables(), config: CONFIG })),
  run: ({ seed, host, makeEngine }) =>
    runOne({ seed, config: CONFIG, ops: copiedTables() }, host, linkless(makeEngine)),
};

function copiedTables(): readonly Op[] {
  return sequenceOf(["bigBatch", "flush", "checkpoint"], CONFIG);
}

/** The engine on a file system on which nothing has two names. */
export function linkless(makeEngine: EngineMaker): EngineMaker {
  return (env) => makeEngine(new LinklessEnv(env, () => "do"));
}

class LinklessEnv extends BarrierEnv {
  override link(from: string, to: string): void {
    throw errnoError("EXDEV", "link", from, to);
  }
}

/** While a store is destroyed it is either whole, or no store that destroying would not finish. */
export const destroyScenario: Scenario = {
  name: "destroy",
  pass: async (stage) => void (await destroyScenario.run(stage)),
  async run(stage) {
    const start = storeWith(stage.makeEngine, (disk) => disk);
    return crashesOf(stage, start, {
      program: (env) => stage.makeEngine(env).destroy(STORE),
      check: (image) =>
        image.files.has(`${STORE}/CURRENT`) ? wholeFailure(image, stage) : remainsFailure(image, stage),
    });
  },
};

/** What a salvage leaves out is in lost/, whole, before anything else changes. */
export const salvageScenario: Scenario = {
  name: "salvage",
  pass: async (stage) => void (await salvageScenario.run(stage)),
  async run(stage) {
    const start = storeWith(stage.makeEngine, damageNewestLog);
    let copies: readonly LostCopy[] = [];
    return crashesOf(stage, start, {
      program(env, disk) {
        stage.makeEngine(env).open(STORE, SALVAGE_CONFIG);
        copies = lostCopies(disk);
      },
      check(image) {
        const change = firstChange(start, image);
        if (change === undefined) return undefined;
        const missing = copies.find(({ path, bytes }) => {
          const copy = image.files.get(path);
          return !copy || Buffer.compare(copy.bytes, bytes) !== 0;
        });
        return missing && new Failure("C22", `${change} changed before ${missing.path} was whole`);
      },
    });
  },
};

// A file that came, went or changed, lost/ and LOCK aside.
function firstChange(before: Image, after: Image): string | undefined {
  for (const path of new Set([...before.files.keys(), ...after.files.keys()])) {
    if (path.startsWith(`${STORE}/lost/`) || path === `${STORE}/LOCK`) continue;
    const [old, now] = [before.files.get(path), after.files.get(path)];
    if (!old || !now || Buffer.compare(old.bytes, now.bytes) !== 0) return path;
  }
  return undefined;
}

interface LostCopy {
  readonly path: string;
  readonly bytes: Uint8Array;
}

interface Program {
  program(env: Env, disk: ImageEnv): void;
  check(image: Image): Failure | undefined;
}

// Every power cut while a program runs on a store.
function crashesOf(
  { seed, host }: ScenarioStage,
  start: Image,
  { program, check }: Program,
): { finding: Finding | undefined; images: number } {
  const trace: TraceEvent[] = [];
  const disk = newDisk(start, 2);
  program(new RecordingEnv(disk, { after: (event) => void trace.push(event) }), disk);
  const contents = new ContentStore();
  const simulated = new SimulatedDisk(start, contents);
  let images = 0;
  for (const [i, event] of trace.entries()) {
    simulated.apply(event, i + 1);
    if (!changesDisk(event)) continue;
    for (const crash of crashImages(simulated, { samples: 16, seed: `${seed}:${i}`, onCapped: () => undefined })) {
      host.progress(++images);
      const failure = check(crash.image());
      if (!failure) continue;
      const { condition, message, keys } = failure;
      const finding = { condition, phase: "open", message, seed, workload: "barriers", config: CONFIG, ops: [], keys };
      return { finding, images };
    }
  }
  return { finding: undefined, images };
}

// A closed store with a few entries, as `change` leaves it.
function storeWith(makeEngine: EngineMaker, change: (image: Image) => Image): Image {
  const disk = newDisk(makeImage([], EMPTY_DIRECTORIES), 1);
  const store = makeEngine(disk).open(STORE, CONFIG);
  KEYS.forEach((key, i) => store.put(keyBytes(key), valueOf(key, i), true));
  store.close();
  return change(disk.capture(new ContentStore()));
}

function valueOf(key: string, i: number): Buffer {
  return expandValue(key, { incarnation: 0, id: i + 1, length: VALUE_BYTES });
}

function wholeFailure(image: Image, { makeEngine }: ScenarioStage): Failure | undefined {
  try {
    const store = makeEngine(new ImageEnv(image)).open(STORE, CONFIG, { create: false });
    const keys = [...entriesOf(store)].map(([key]) => key.toString());
    if (keys.join() === KEYS.join()) return undefined;
    return new Failure("C3", `a store that is half destroyed opens, with ${keys.length} of ${KEYS.length} entries`);
  } catch (error) {
    return new Failure("C1", `a store that is half destroyed has CURRENT and does not open: ${String(error)}`);
  }
}

function remainsFailure(image: Image, { makeEngine }: ScenarioStage): Failure | undefined {
  if (![...image.files.keys()].some((path) => path.startsWith(`${STORE}/`))) return undefined;
  try {
    makeEngine(new ImageEnv(image)).destroy(STORE);
    return undefined;
  } catch (error) {
    return new Failure("C1", `the remains of a destroyed store cannot be destroyed: ${String(error)}`);
  }
}

function newestLog({ files }: Image): string | undefined {
  return [...files.keys()]
    .filter((path) => path.startsWith(`${STORE}/`) && path.endsWith(".log"))
    .sort()
    .at(-1);
}

// A byte in the middle of the records is wrong; what comes behind it is whole.
function damageNewestLog(image: Image): Image {
  const log = newestLog(image)!;
  const bytes = new Uint8Array(image.files.get(log)!.bytes);
  const middle = bytes.length >> 1;
  bytes[middle] = bytes[middle]! ^ 0xff;
  return makeImage(new Map(image.files).set(log, new ContentStore().of(bytes)), image.directories);
}

function lostCopies(disk: ImageEnv): LostCopy[] {
  const directory = `${STORE}/lost`;
  return disk.readDirectory(directory).map((name) => {
    const path = `${directory}/${name}`;
    return { path, bytes: new Uint8Array(disk.contentsOf(path)!) };
  });
}
