import { SingleBar } from "cli-progress";

/** How far a campaign has come, on standard error if that is a terminal; else nothing, logs stay readable. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  #started = false;

  constructor(what: string) {
    if (!process.stderr.isTTY) return;
    const format = `${what.padEnd(24)} {bar} {percentage}% | {value}/{total} | {duration_formatted}`;
    this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true });
  }

  readonly update = (done: number, total: number): void => {
    if (!this.#started) this.#bar?.start(total, done);
    else this.#bar?.update(done);
    this.#started = true;
  };

  end(): void {
    if (this.#started) this.#bar?.stop();
  }
}
