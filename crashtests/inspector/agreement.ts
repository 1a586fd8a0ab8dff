// The inspector and verify() judge the same stores, and must agree: stores that were just opened on crash images, and the
// same stores with damage under them. Both read the files, and share nothing else.

import {
  ContentStore,
  entriesOf,
  type ImageEnv,
  newDisk,
  Random,
  readStoreContents,
  STORE,
  storeProblems,
  TinyKVEngine,
  visibleEntries,
  type EngineStore,
  type Image,
  type StoreProblem,
} from "tinykv/harness";
import { posix } from "node:path";
import { damaged } from "./damage.ts";
import { crashImagesOf, type SourcedImage } from "./image-source.ts";

export interface AgreementOptions {
  readonly seed: string;
  /** Crash images, each another. */
  readonly images: number;
  /** Each store that was opened is damaged so many times. Default 1. */
  readonly damages?: number;
  readonly progress?: (images: number) => void;
}

export interface AgreementResult {
  readonly images: number;
  /** Images by configuration. */
  readonly configs: Readonly<Record<string, number>>;
  /** Stores opened on them that both found sound: all, if there is no disagreement. */
  readonly sound: number;
  /** Damaged stores in which both found something, and in which neither did: what was hit means nothing. */
  readonly damageSeen: number;
  readonly damageHarmless: number;
  readonly disagreements: readonly string[];
}

/** Findings of one kind come in thousands. */
const DISAGREEMENTS_MAX = 20;

export async function runAgreement({
  seed,
  images,
  damages = 1,
  progress,
}: AgreementOptions): Promise<AgreementResult> {
  const judge = new AgreementJudge(damages);
  if (images === 0) return judge.result();
  for await (const sourced of crashImagesOf(seed, judge.contents)) {
    judge.judge(sourced);
    progress?.(judge.images);
    if (judge.images === images || judge.isOver) break;
  }
  return judge.result();
}

class AgreementJudge {
  readonly contents = new ContentStore();
  images = 0;
  readonly #damages: number;
  readonly #configs: Record<string, number> = {};
  readonly #disagreements: string[] = [];
  #sound = 0;
  #seen = 0;
  #harmless = 0;

  constructor(damages: number) {
    this.#damages = damages;
  }

  get isOver(): boolean {
    return this.#disagreements.length >= DISAGREEMENTS_MAX;
  }

  result(): AgreementResult {
    return {
      images: this.images,
      configs: this.#configs,
      sound: this.#sound,
      damageSeen: this.#seen,
      damageHarmless: this.#harmless,
      disagreements: this.#disagreements,
    };
  }

  judge(sourced: SourcedImage): void {
    const { image, config } = sourced;
    this.images++;
    this.#configs[config] = (this.#configs[config] ?? 0) + 1;
    const where = `image ${this.images} of ${sourced.seed}, ${sourced.workload}, ${config}`;
    this.#readOnly(image, config, where);
    const disk = newDisk(image, this.images);
    const store = new TinyKVEngine({ env: disk }).open(STORE, config);
    const verdict = this.#verdict(store, disk, where);
    if (verdict === "sound") {
      this.#sound++;
      this.#compareContents(store, disk.capture(this.contents), where);
      for (let n = 0; n < this.#damages; n++) this.#damage(disk, config, { n, where });
    } else if (verdict === "wrong") this.#disagreements.push(`${where}: both find a store wrong that was just opened`);
  }

  // What both say, of the same file if anything; what they disagree about is noted.
  #verdict(store: EngineStore, disk: ImageEnv, where: string): "sound" | "wrong" | "disagreed" {
    const engine = store.verify();
    const inspector = storeProblems(disk.capture(this.contents), STORE, { open: true, recycle: true });
    if (engine.length === 0 && inspector.length === 0) return "sound";
    const blamed = new Set(inspector.map(({ file }) => file));
    if (engine.some((problem) => blamed.has(problem.split(" ", 1)[0]!))) return "wrong";
    this.#disagreements.push(`${where}: verify ${JSON.stringify(engine)}, inspector ${textOf(inspector)}`);
    return "disagreed";
  }

  // A read-only store serves what lies in the image, before any recovery has written it anew.
  #readOnly(image: Image, config: string, where: string): void {
    const disk = newDisk(image, this.images);
    let store: EngineStore;
    try {
      store = new TinyKVEngine({ env: disk }).open(STORE, config, { readOnly: true });
    } catch (error) {
      // An unfinished create.
      if ((error as { code?: unknown }).code === "TINYKV_DOES_NOT_EXIST") return;
      throw error;
    }
    const [problem] = store.verify();
    if (problem !== undefined) this.#disagreements.push(`${where}: read-only, verify ${problem}`);
    this.#compareContents(store, image, `${where}, read-only`);
    store.close();
  }

  #compareContents(store: EngineStore, image: Image, where: string): void {
    const read = visibleEntries(readStoreContents(image, STORE));
    const served = [...entriesOf(store)];
    const text = (entries: readonly (readonly [unknown, Uint8Array])[]): string =>
      entries.map(([key, value]) => `${String(key)}=${Buffer.from(value).toString("latin1")}`).join("\n");
    const servedText = text(served.map(([key, value]) => [Buffer.from(key).toString("latin1"), value]));
    if (text(read) !== servedText)
      this.#disagreements.push(`${where}: the engine serves ${served.length} entries, the inspector reads others`);
  }

  // On a copy of the disk, under a store that was opened before.
  #damage(disk: ImageEnv, config: string, { n, where }: { readonly n: number; readonly where: string }): void {
    const random = new Random(`damage:${this.images}:${n}`);
    const copy = newDisk(disk.capture(this.contents), this.images);
    const store = new TinyKVEngine({ env: copy }).open(STORE, config);
    const done = damaged(copy, STORE, random);
    const verdict = this.#verdict(store, copy, `${where}, ${done}`);
    if (verdict === "wrong") this.#seen++;
    else if (verdict === "sound") this.#harmless++;
  }
}

function textOf(problems: readonly StoreProblem[]): string {
  return JSON.stringify(
    problems.map(({ condition, file, problem }) => `${condition} ${posix.basename(file)}: ${problem}`),
  );
}
