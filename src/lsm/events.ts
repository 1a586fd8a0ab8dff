import type { Logger } from "./logger.ts";

/** What listeners are told. File names are names inside the store directory; times are milliseconds by Env.now(). */
export interface Events {
  readonly flushBegin: { readonly job: number; readonly entries: number; readonly bytes: number };
  readonly flushEnd: JobEnd;
  readonly compactionBegin: {
    readonly job: number;
    readonly reason: string;
    readonly inputs: readonly { readonly level: number; readonly file: string }[];
    readonly outputLevel: number;
  };
  readonly compactionEnd: JobEnd;
  readonly tableCreated: {
    readonly file: string;
    readonly level: number;
    readonly size: number;
    readonly entries: number;
  };
  readonly tableDeleted: { readonly file: string };
  readonly logCreated: { readonly file: string; readonly recycled: boolean };
  readonly logDeleted: { readonly file: string };
  readonly manifestCreated: { readonly file: string };
  readonly stallBegin: { readonly cause: StallCause; readonly job: number | undefined };
  readonly stallEnd: { readonly cause: StallCause; readonly job: number | undefined; readonly milliseconds: number };
  readonly backgroundError: { readonly error: Error; readonly forGood: boolean };
  readonly corruption: { readonly file: string; readonly offset: number; readonly problem: string };
  readonly walRecovered: {
    readonly file: string;
    readonly records: number;
    readonly bytes: number;
    readonly tornBytes: number;
  };
}

export interface JobEnd {
  readonly job: number;
  readonly ok: boolean;
  readonly error: Error | undefined;
  readonly outputs: readonly string[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly entriesIn: number;
  readonly entriesOut: number;
}

/** Why a write waits: memtables full, or level 0 too deep. */
export type StallCause = "memtables" | "level0";

export type EventName = keyof Events;
export type Listener<Name extends EventName> = (event: Events[Name]) => void;
export type Listeners = { readonly [Name in EventName]?: Listener<Name> };

type AnyListener = (event: never) => void;

interface Line {
  readonly level: keyof Logger;
  readonly message: string;
}

/**
 * Collects events and lines for the logger while the engine works and delivers them when it is at rest, so that a listener
 * and a logger may call the database, and any other. What a listener throws goes to the logger.
 */
export class EventQueue {
  readonly #listeners = new Map<EventName, Set<AnyListener>>();
  readonly #logger: Logger | undefined;
  #pending: ({ name: EventName; event: unknown } | Line)[] = [];
  #delivering = false;

  constructor(logger: Logger | undefined, listeners: Listeners | undefined) {
    this.#logger = logger;
    for (const [name, listener] of Object.entries(listeners ?? {})) this.on(name as EventName, listener);
  }

  on(name: EventName, listener: AnyListener): void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener);
  }

  off(name: EventName, listener: AnyListener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** Without a listener nothing is kept. */
  emit<Name extends EventName>(name: Name, event: Events[Name]): void {
    if (this.#listeners.get(name)?.size) this.#pending.push({ name, event });
  }

  /** Delivers in order. Called inside a listener it returns at once: the outer call delivers what the inner one caused. */
  deliver(): void {
    if (this.#delivering || this.#pending.length === 0) return;
    this.#delivering = true;
    try {
      for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
        if ("level" in next) this.#tell(next);
        else this.#call(next.name, next.event);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #call(name: EventName, event: unknown): void {
    for (const listener of Array.from(this.#listeners.get(name) ?? [])) {
      try {
        (listener as (event: unknown) => void)(event);
      } catch (error) {
        this.log("error", `a listener for ${name} threw: ${String(error)}`);
      }
    }
  }

  /** A line for the user's logger. */
  log(level: keyof Logger, message: string): void {
    if (this.#logger) this.#pending.push({ level, message });
  }

  // What the logger throws is dropped, since there is nowhere left to say it.
  #tell({ level, message }: Line): void {
    try {
      this.#logger?.[level](message);
    } catch (error) {
      void error;
    }
  }
}
