// Crash images of generated logs: what a power cut or a kill may leave at moments drawn from the seed, each image once.

import {
  changesDisk,
  crashImages,
  EMPTY_DIRECTORIES,
  generate,
  imageConfiguration,
  makeImage,
  parseConfiguration,
  Random,
  recordRun,
  SimulatedDisk,
  TinyKVEngine,
  WORKLOADS,
  type ContentStore,
  type EngineMaker,
  type Image,
  type Op,
  type RecordedRun,
  type WorkloadName,
} from "tinykv/harness";

export const tinykv: EngineMaker = (env) => new TinyKVEngine({ env });

/** Small stores in all shapes: of each the logs rotate and tables compact within some dozens of operations. */
export const CONFIGS: readonly string[] = [
  "small,writeBufferSize=2048,blockSize=128,indexBlockSize=64,targetFileSize=512,maxBytesForLevelBase=2048",
  "least",
  "small,writeBufferSize=2048,background=manual,logBlockSize=512",
  "small,writeBufferSize=2048,walRecycle=false,maxManifestFileSize=1",
  "small,writeBufferSize=2048,bloomBitsPerKey=0,level0FileNumCompactionTrigger=2",
];

/** What a crash can tear is made by writes. */
const WRITING: readonly WorkloadName[] = WORKLOADS.filter((name) => !name.startsWith("ycsb") && name !== "scan-heavy");

const OPS = 60;
const KEYS = 30;
/** Of one moment at most: neighbours among combinations are much alike. */
const IMAGES_OF_MOMENT_MAX = 6;
/** Seeded combinations where not all are tried. */
const SAMPLES = 4;
/** Of one run at most: another brings other shapes. */
const IMAGES_OF_RUN_MAX = 600;

export interface SourcedImage {
  readonly image: Image;
  /** To open it with. */
  readonly config: string;
  readonly workload: WorkloadName;
  /** To make its run again. */
  readonly seed: string;
}

/** Endless: run after run, the i-th under the seed `SEED:i`. A run that fails by itself throws. */
export async function* crashImagesOf(seed: string, contents: ContentStore): AsyncGenerator<SourcedImage> {
  const seen = new Set<string>();
  for (let i = 0; ; i++) {
    const own = `${seed}:${i}`;
    const config = CONFIGS[i % CONFIGS.length]!;
    const workload = WRITING[i % WRITING.length]!;
    const run = await recordRun({ makeEngine: tinykv, ops: opsOf(own, workload, config), config });
    if (run.failure) throw run.failure;
    const opening = imageConfiguration(config, run.ops);
    let count = 0;
    for (const image of imagesOfRun(run, contents, own)) {
      if (seen.has(image.key)) continue;
      seen.add(image.key);
      yield { image, config: opening, workload, seed: own };
      if (++count === IMAGES_OF_RUN_MAX) break;
    }
  }
}

function opsOf(seed: string, workload: WorkloadName, config: string): Op[] {
  const ops: Op[] = [];
  for (const op of generate({ seed, workload, ops: OPS * 2, keys: KEYS, config: parseConfiguration(config) })) {
    if (op.kind === "crash" || op.kind === "fault") continue;
    ops.push(op);
    if (ops.length === OPS) break;
  }
  return ops;
}

function* imagesOfRun(run: RecordedRun, contents: ContentStore, seed: string): Generator<Image> {
  const random = new Random(`inspector:${seed}`);
  const disk = new SimulatedDisk(makeImage([], EMPTY_DIRECTORIES), contents);
  const moments = run.trace.filter(changesDisk).length;
  for (const [i, event] of run.trace.entries()) {
    disk.apply(event, i + 1);
    // Spread over the run, whatever its length.
    if (!changesDisk(event) || !random.chance(IMAGES_OF_RUN_MAX, moments)) continue;
    yield disk.imageKill();
    const all = crashImages(disk, { samples: SAMPLES, seed: `${seed}:${i}`, onCapped: () => undefined });
    for (let n = 0; n < Math.min(all.length, IMAGES_OF_MOMENT_MAX); n++) yield random.pick(all).image();
  }
}
