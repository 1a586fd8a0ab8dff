// The side of a reader that asks: again as soon as an answer is there, a moment later where that was a refusal, remembering
// how much it had heard from the writer when it asked. What had returned by then the reader must see. When the writer is
// dead it asks once more: nothing moves any more, so that the reader has no excuse.

import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { CHILD_ENV, childCommand } from "./child-file.ts";
import type { Sight } from "./reader-main.ts";

export interface Glimpse {
  /** Records of the writer that had been heard when the reader was asked. */
  readonly heard: number;
  /** The writer was dead when the reader was asked. */
  readonly isLast: boolean;
  readonly sight: Sight;
}

/** What a reader saw and how it ended. */
export interface ReaderEnd {
  readonly glimpses: readonly Glimpse[];
  readonly signal: string | undefined;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly hung: boolean;
}

/** A reader lives as long as its writer, and for two looks more: then it hangs. */
const READER_SECONDS_MOST = 60;

/** Where there is no store yet, or it never stands still, another look at once costs the writer its core. */
const REFUSED_MILLISECONDS = 5;

export class Reader {
  readonly #glimpses: Glimpse[] = [];
  readonly #child;
  readonly #lines: Promise<void>;
  #heard = 0;
  #asked = { heard: 0, isLast: false };
  #isOver = false;

  constructor(directory: string, config: string) {
    const [file, ...words] = childCommand("reader-main", directory, config);
    this.#child = execa(file!, words, {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      reject: false,
      timeout: READER_SECONDS_MOST * 1000,
      env: CHILD_ENV,
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

  /** The writer is dead: waits for the answer that is due, and for the one behind it. */
  async end(): Promise<ReaderEnd> {
    this.#isOver = true;
    await this.#lines;
    this.#child.stdin.end();
    const { exitCode, signal, stderr, timedOut } = await this.#child;
    return { glimpses: this.#glimpses, signal, exitCode, stderr, hung: timedOut };
  }

  #ask(): void {
    this.#asked = { heard: this.#heard, isLast: this.#isOver };
    this.#child.stdin.write("\n");
  }

  async #listen(): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stdio[3] as NodeJS.ReadableStream })) {
      const sight = JSON.parse(line) as Sight;
      this.#glimpses.push({ ...this.#asked, sight });
      if (this.#asked.isLast) return;
      if ("code" in sight) await sleep(REFUSED_MILLISECONDS);
      this.#ask();
    }
  }
}
