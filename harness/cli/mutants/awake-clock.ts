// Time without what a machine sleeps, or a process is stopped: it is counted in ticks, and one that comes late counts as one
// that is a little late.

const TICK_MILLISECONDS = 50;
/** On a machine that has more to do than it can, ticks may be so late; behind that nothing was done in between. */
const TICK_MILLISECONDS_MOST = 1_000;

export class AwakeClock {
  #milliseconds = 0;
  #last = performance.now();
  readonly #timer: NodeJS.Timeout;

  /** Calls `over` with each tick from `end` on. */
  constructor(end: number, over: () => void) {
    this.#timer = setInterval(() => {
      if (this.milliseconds >= end) over();
    }, TICK_MILLISECONDS);
  }

  /** Since it was made. */
  get milliseconds(): number {
    const now = performance.now();
    this.#milliseconds += Math.min(now - this.#last, TICK_MILLISECONDS_MOST);
    this.#last = now;
    return this.#milliseconds;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
