// An engine in Node: each measurement in a process of its own, so that compiled code, garbage and caches of one do not
// help or hurt the next. Stores to start from are made once and copied for workloads that change them.

import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PEER_DURABILITY, peerVersion } from "tinykv/harness";
import { runTask } from "../measure/child.ts";
import type { Answer } from "../measure/measurement.ts";
import { ownVersion, peerDirectories } from "../repository.ts";
import { OURS, type EngineName } from "../stores/open-store.ts";
import { workloadNamed } from "../workloads/catalogue.ts";
import type { Start } from "../workloads/workload.ts";
import type { Contestant, Heat } from "./contestant.ts";

const OUR_DURABILITY = {
  sync: "power loss: the record is synced before the call returns",
  noSync: "a kill: the record has been handed to the kernel; power loss takes a suffix",
};

/** A workload on fewer keys than this has nothing to measure. */
const KEYS_LEAST = 1000;

export class NodeContestant implements Contestant {
  readonly name: EngineName;
  readonly version: string;
  readonly durability: Contestant["durability"];
  readonly #directory: string;
  readonly #options: Readonly<Record<string, unknown>>;

  /** Undefined where the engine is not installed. `directory` is for its stores alone. */
  static find(
    name: EngineName,
    directory: string,
    options: Readonly<Record<string, unknown>>,
  ): NodeContestant | undefined {
    const version = name === OURS ? ownVersion() : peerVersion(name, peerDirectories());
    return version === undefined ? undefined : new NodeContestant(name, version, directory, options);
  }

  private constructor(
    name: EngineName,
    version: string,
    directory: string,
    options: Readonly<Record<string, unknown>>,
  ) {
    this.name = name;
    this.version = version;
    this.durability = name === OURS ? OUR_DURABILITY : PEER_DURABILITY[name];
    this.#directory = directory;
    this.#options = options;
  }

  async run(heat: Heat): Promise<Answer> {
    const workload = workloadNamed(heat.workload);
    const keys = Math.max(KEYS_LEAST, Math.floor(heat.keys * (workload.keysShare ?? 1)));
    const subject = { engine: this.name, options: this.#options, keys, valueBytes: heat.valueBytes, seed: heat.seed };
    const start = await this.#startingStore(workload.start, subject);
    if (typeof start !== "string") return start;
    const directory = workload.changes ? this.#copyOf(start) : start;
    const { secondsMax, latency } = heat;
    const answer = await runTask({
      ...subject,
      kind: "measure",
      directory,
      workload: heat.workload,
      secondsMax,
      latency,
    });
    if (workload.changes) rmSync(directory, { recursive: true, force: true });
    return answer;
  }

  release(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Its directory, made if this is the first who asks; or why there is none. */
  async #startingStore(
    start: Start,
    subject: { engine: EngineName; keys: number; valueBytes: number; seed: string; options: Record<string, unknown> },
  ): Promise<string | Answer> {
    if (start === "empty") return "";
    if (start === "log" && !LOG_ENGINES.has(this.name)) return { kind: "unsupported", reason: "no log to recover" };
    const directory = join(this.#directory, `${start}-${subject.keys}-${subject.valueBytes}`);
    if (!existsSync(directory)) {
      mkdirSync(directory, { recursive: true });
      await runTask({ ...subject, kind: "prepare", directory, start });
    }
    return directory;
  }

  #copyOf(start: string): string {
    const directory = join(this.#directory, "work");
    rmSync(directory, { recursive: true, force: true });
    if (start === "") mkdirSync(directory, { recursive: true });
    else cpSync(start, directory, { recursive: true });
    return directory;
  }
}

/** Engines that keep what is not in a table yet in a log, and whose write buffer can be set. */
const LOG_ENGINES: ReadonlySet<EngineName> = new Set([OURS, "classic-level", "rocksdb-native"]);
