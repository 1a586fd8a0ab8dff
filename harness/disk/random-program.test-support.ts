// Programs drawn from a seed: calls on few names, so that they meet; many fail, by nature or by a fault that is planted.

import type { Random } from "../workloads/random.ts";
import { Scene, type SceneFile } from "./scene.ts";

export interface ProgramOptions {
  /** One call in so many fails by a fault. Default: none. */
  readonly faultEvery?: number;
  /** Default: all. */
  readonly kinds?: readonly Kind[];
  /** What is durable at the start. */
  readonly durable?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
  /** Where writes begin and truncates end. */
  readonly positions?: readonly number[];
}

const CALLS = {
  create: 4,
  open: 3,
  close: 1,
  write: 8,
  truncate: 2,
  sync: 2,
  syncAsync: 1,
  read: 1,
  link: 1,
  unlink: 3,
  rename: 3,
  makeDirectory: 1,
  removeDirectory: 1,
  syncDirectory: 2,
  lock: 1,
} as const;

export type Kind = keyof typeof CALLS;

export const KINDS: readonly Kind[] = Object.keys(CALLS) as Kind[];

/** Two directories and files in both, some of them logs. */
const NAMES = ["a", "b", "x.log", "y.log", "sub/a", "sub/x.log", "sub", "dir"];
const DIRECTORIES = ["sub", "dir"];
const DURABLE = { a: "aaa", "x.log": "x".repeat(5000), "sub/": "", "sub/a": "s".repeat(4096) };
/** About the edges of sectors and pages. */
const POSITIONS = [0, 1, 511, 1024, 4095, 4096, 5000];

const OUTCOMES = ["none", "part", "whole", "short"] as const;

export class RandomProgram {
  readonly scene: Scene;
  readonly #random: Random;
  readonly #options: ProgramOptions;
  readonly #calls: readonly Kind[];
  readonly #open: SceneFile[] = [];
  #syncs: Promise<unknown>[] = [];
  #letters = 0;

  constructor(random: Random, options: ProgramOptions = {}) {
    this.scene = new Scene(options.durable ?? DURABLE);
    this.#random = random;
    this.#options = options;
    this.#calls = (options.kinds ?? KINDS).flatMap((kind) => Array<Kind>(CALLS[kind]).fill(kind));
  }

  /** One call; what it throws is the program's own affair. */
  step(): void {
    const { faultEvery } = this.#options;
    if (faultEvery !== undefined && this.#random.chance(1, faultEvery)) {
      this.scene.plan({ outcome: this.#random.pick(OUTCOMES), error: "EIO" });
    }
    try {
      this.#call(this.#random.pick(this.#calls));
    } catch (error) {
      if (typeof (error as { code?: unknown }).code !== "string") throw error;
    }
  }

  /** Every syncAsync ends. */
  async settle(): Promise<void> {
    await Promise.all(this.#syncs);
    this.#syncs = [];
  }

  #call(kind: Kind): void {
    const { scene } = this;
    const random = this.#random;
    switch (kind) {
      case "create":
        return void this.#open.push(scene.create(this.#name()));
      case "open":
        return void this.#open.push(scene.open(this.#name()));
      case "makeDirectory":
        return scene.makeDirectory(random.pick(DIRECTORIES));
      case "removeDirectory":
        return scene.removeDirectory(random.pick(DIRECTORIES));
      case "syncDirectory":
        return scene.syncDirectory(random.pick(["", ...DIRECTORIES]));
      case "link":
        return scene.link(this.#name(), this.#name());
      case "rename":
        return scene.rename(this.#name(), this.#name());
      case "unlink":
        return scene.unlink(this.#name());
      case "lock":
        return scene.env.lock("/LOCK").release();
      default:
        if (this.#open.length > 0) this.#callOn(random.pick(this.#open), kind);
    }
  }

  #callOn(file: SceneFile, kind: Kind): void {
    switch (kind) {
      case "write":
        return file.write(this.#text(), this.#position());
      case "truncate":
        return file.truncate(this.#position());
      case "sync":
        return file.sync();
      case "syncAsync":
        return void this.#syncs.push(Promise.allSettled([file.syncAsync()]));
      case "read":
        return void file.read();
      default:
        return file.close();
    }
  }

  #name(): string {
    return this.#random.pick(this.#options.names ?? NAMES);
  }

  #position(): number {
    return this.#random.pick(this.#options.positions ?? POSITIONS);
  }

  // One or two bytes, now and then a page or more; no two writes are alike.
  #text(): string {
    const letter = String.fromCharCode(65 + (this.#letters++ % 26));
    const isLong = this.#options.positions === undefined && this.#random.chance(1, 6);
    return letter.repeat(isLong ? this.#random.between(500, 9000) : this.#random.between(1, 2));
  }
}
