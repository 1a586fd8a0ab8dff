// The side of the spawner that asks it (spawner-main.ts).

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Lived } from "./live.ts";
import type { RoundPlan } from "./plan.ts";

export interface SpawnerTask {
  readonly number: number;
  readonly plan: RoundPlan;
}

export type SpawnerAnswer =
  | { readonly number: number; readonly lived: Lived }
  /** The harness broke. */
  | { readonly number: number; readonly error: string };

interface Waiting {
  readonly resolve: (lived: Lived) => void;
  readonly reject: (error: Error) => void;
}

/** A process that starts children and readers, and kills them. */
export class Spawner {
  readonly #process;
  readonly #waiting = new Map<number, Waiting>();
  #tasks = 0;
  #ended: Error | undefined;

  constructor() {
    this.#process = execa(process.execPath, [spawnerFile()], {
      stdio: ["pipe", "pipe", "inherit"],
      buffer: false,
      reject: false,
    });
    // That it has died is seen from how it ended.
    this.#process.stdin.on("error", () => undefined);
    createInterface({ input: this.#process.stdout }).on("line", (line) =>
      this.#answer(JSON.parse(line) as SpawnerAnswer),
    );
    void this.#process.then(({ signal, exitCode }) =>
      this.#end(new Error(`the spawner ended (${signal ?? exitCode})`)),
    );
  }

  /** One life; several may be under way. Rejects if the harness breaks. */
  readonly live = (plan: RoundPlan): Promise<Lived> =>
    new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      const task: SpawnerTask = { number: this.#tasks++, plan };
      this.#waiting.set(task.number, { resolve, reject });
      this.#process.stdin.write(`${JSON.stringify(task)}\n`);
    });

  /** Kills who still lives, and waits for the end of the process. */
  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#process;
  }

  #answer(answer: SpawnerAnswer): void {
    const { resolve, reject } = this.#waiting.get(answer.number)!;
    this.#waiting.delete(answer.number);
    if ("lived" in answer) resolve(answer.lived);
    else reject(new Error(answer.error));
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

// This module runs from dist/ or, in tests, from its source; processes start from the built file.
function spawnerFile(): string {
  return fileURLToPath(new URL("spawner-main.js", import.meta.url)).replace(
    /(\/dist)?\/crashtests\/kill\//,
    "/dist/crashtests/kill/",
  );
}
