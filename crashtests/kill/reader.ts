// The parent's side of a reader: it asks again as soon as an answer is there, and remembers how much it had heard from the
// writer when it asked. What had returned by then the reader must see.

import { createInterface } from "node:readline";
import { execa } from "execa";
import { Failure } from "tinykv/harness";
import { childCommand } from "./child-file.ts";
import type { Sight } from "./reader-main.ts";
import { EXIT_HARNESS } from "./records.ts";

export interface Glimpse {
  /** Records of the writer that had been heard when the reader was asked. */
  readonly heard: number;
  readonly sight: Sight;
}

/** A reader lives as long as its writer, and for one look more: then it hangs. */
const READER_SECONDS_MOST = 60;

export class Reader {
  readonly #glimpses: Glimpse[] = [];
  readonly #child;
  readonly #lines: Promise<void>;
  #heard = 0;
  #askedAt = 0;
  #isOver = false;

  constructor(directory: string, config: string) {
    const [file, ...words] = childCommand("reader-main", directory, config);
    this.#child = execa(file!, words, {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      reject: false,
      timeout: READER_SECONDS_MOST * 1000,
      env: { NODE_EXTRA_CA_CERTS: "" },
      buffer: { fd3: false },
    });
    // That it has died is seen from how it ended.
    this.#child.stdin.on("error", () => undefined);
    this.#lines = this.#listen();
    this.#ask();
  }

  /** The writer has told so many records by now. */
  hears(records: number): void {
    this.#heard = records;
  }

  /** Waits for the last answer; throws Failure if the reader hung or ended otherwise than by itself. */
  async end(): Promise<readonly Glimpse[]> {
    this.#isOver = true;
    this.#child.stdin.end();
    await this.#lines;
    const { exitCode, signal, stderr, timedOut } = await this.#child;
    if (timedOut) throw new Failure("C28", `a reader beside the writer hung: ${stderr}`);
    if (exitCode === EXIT_HARNESS) throw new Error(`a reader could not tell what it saw: ${stderr}`);
    if (exitCode !== 0) throw new Failure("C11", `a reader ended with ${signal ?? exitCode}: ${stderr}`);
    return this.#glimpses;
  }

  #ask(): void {
    this.#askedAt = this.#heard;
    this.#child.stdin.write("\n");
  }

  async #listen(): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stdio[3] as NodeJS.ReadableStream })) {
      this.#glimpses.push({ heard: this.#askedAt, sight: JSON.parse(line) as Sight });
      if (!this.#isOver) this.#ask();
    }
  }
}
