import { SingleBar } from "cli-progress";

/** How far a run has come and how long it may still take, on standard error if that is a terminal; else nothing. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #start = performance.now();

  constructor(total: number) {
    if (!process.stderr.isTTY) return;
    const format = "{bar} {percentage}% | {left} left | {what}";
    this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true });
    this.#bar.start(total, 0, { what: "", left: "?" });
  }

  /** `done` in the units of the total; `what` is what comes next. */
  update(done: number, what: string, total?: number): void {
    if (!this.#bar) return;
    if (total !== undefined) this.#bar.setTotal(total);
    const elapsed = (performance.now() - this.#start) / 1000;
    const left = done > 0 ? duration((elapsed / done) * (this.#bar.getTotal() - done)) : "?";
    this.#bar.update(done, { what, left });
  }

  end(): void {
    this.#bar?.stop();
  }
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}
