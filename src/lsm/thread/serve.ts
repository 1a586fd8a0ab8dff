// The worker thread's side (protocol.ts): does the work of all stores that joined, a step of one job at a time.
//
//   - A flush goes before every compaction, in the middle of it: steps end at blocks.
//   - Compactions take turns. One that is ahead of its store's rate rests.
//   - Between two steps the thread looks for commands, an abort before all, and beats.
//   - An order under a custom comparator waits until its module is loaded; that takes turns of the event loop, and the
//     thread goes back to it between steps as long as one is loading. Such an order is `loading` meanwhile: should the
//     module's top level never return, the stores know whom to blame.

import { bytewise, type Comparator } from "../../common/comparator.ts";
import { CheckedEnv } from "../../util/checked-env.ts";
import type { Env } from "../../util/env.ts";
import { ThreadSelf } from "../../util/worker-thread.ts";
import type { MessagePort } from "node:worker_threads";
import { OUTCOMES, STATE, State, type Command } from "./protocol.ts";
import { Rate } from "./rate.ts";
import { Task } from "./task.ts";
import type { WorkOrder } from "./work-order.ts";

/** No rest is longer, so that the thread beats. */
const REST_MOST = 50;

/**
 * A comparator's module that takes longer, in milliseconds, is not waited for: its store works inline. Modules load in
 * fractions of a second, and the writes of that store may be waiting.
 */
const LOAD_MOST = 3_000;

interface Joined {
  readonly port: MessagePort;
  readonly board: Int32Array;
  readonly rate: Rate;
}

/**
 * Serves stores of the thread that started this one by the `worker` of their Env: to be called once, by that module.
 * `env` is the world of this thread; it must be the same as the stores'.
 */
export function serveBackground(env: Env): void {
  new Server(env, new ThreadSelf()).start();
}

class Server {
  readonly #env: Env;
  readonly #self: ThreadSelf;
  readonly #stores = new Map<number, Joined>();
  readonly #comparators = new Map<string, Comparator>();
  #tasks: Task[] = [];
  #loading = 0;
  #isRunning = false;

  constructor(env: Env, self: ThreadSelf) {
    this.#env = env;
    this.#self = self;
  }

  start(): void {
    this.#self.listen((message) => {
      this.#obey(message as Command);
      void this.#run();
    });
  }

  #obey(command: Command): void {
    if (command.kind === "join") {
      const { store, port, board } = command;
      this.#stores.set(store, { port, board: new Int32Array(board), rate: new Rate() });
      return;
    }
    const joined = this.#stores.get(command.store)!;
    if (command.kind === "leave") {
      joined.port.close();
      this.#stores.delete(command.store);
      return;
    }
    const { order } = command;
    const comparator = this.#comparatorOf(order);
    if (comparator) this.#accept(joined, order, comparator);
    else void this.#load(joined, order);
  }

  #accept({ port, board, rate }: Joined, order: WorkOrder, comparator: Comparator): void {
    const env = new CheckedEnv(this.#env);
    rate.bytesPerSecond = order.bytesPerSecond;
    const beat = (): void => this.#self.beat();
    const task = new Task({ env, beat }, order, comparator, rate, (outcome) => {
      port.postMessage(outcome);
      Atomics.add(board, OUTCOMES, 1);
      Atomics.notify(board, OUTCOMES);
    });
    this.#tasks.push(task);
  }

  #comparatorOf({ comparator: { name, module } }: WorkOrder): Comparator | undefined {
    return module === undefined ? bytewise : this.#comparators.get(`${name} ${module}`);
  }

  async #load(joined: Joined, order: WorkOrder): Promise<void> {
    const { name, module } = order.comparator;
    const control = new Int32Array(order.control);
    this.#loading++;
    Atomics.compareExchange(control, STATE, State.queued, State.loading);
    try {
      const loaded = ((await this.#self.load(module!, LOAD_MOST)) as { readonly default?: Partial<Comparator> })
        .default;
      if (typeof loaded?.compare !== "function" || loaded.name !== name)
        throw new Error(`the default export of ${module} is not the comparator ${name}`);
      this.#comparators.set(`${name} ${module}`, loaded as Comparator);
      this.#accept(joined, order, loaded as Comparator);
    } catch (error) {
      this.#refuse(joined, order, error);
    } finally {
      this.#loading--;
      Atomics.compareExchange(control, STATE, State.loading, State.queued);
    }
    await this.#run();
  }

  #refuse({ port, board }: Joined, order: WorkOrder, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    port.postMessage({ kind: "refused", job: order.job, reason, io: new CheckedEnv(this.#env).counters });
    Atomics.add(board, OUTCOMES, 1);
    Atomics.notify(board, OUTCOMES);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#tasks.length > 0) {
      const seen = this.#self.commands;
      this.#self.beat();
      for (let next = this.#self.receive(); next; next = this.#self.receive()) this.#obey(next.message as Command);
      const now = this.#env.now();
      const task = this.#next(now);
      if (task) this.#step(task, now);
      else this.#self.waitForCommand(seen, Math.min(REST_MOST, this.#rest(now)));
      if (this.#loading > 0) await this.#self.turn();
    }
    this.#isRunning = false;
  }

  #step(task: Task, now: number): void {
    task.step(now);
    // The next compaction has the next turn.
    this.#tasks = this.#tasks.filter((other) => other !== task);
    if (!task.isEnded) this.#tasks.push(task);
  }

  #next(now: number): Task | undefined {
    const ready = this.#tasks.filter((task) => task.isAborted || task.restUntil(now) <= now);
    return ready.find((task) => task.isAborted) ?? ready.find((task) => task.kind === "flush") ?? ready[0];
  }

  #rest(now: number): number {
    return Math.max(1, Math.min(...this.#tasks.map((task) => task.restUntil(now) - now)));
  }
}
