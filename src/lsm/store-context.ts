import type { KeyOrder } from "../common/comparator.ts";
import { errnoOf } from "../common/errors.ts";
import type { CheckedEnv } from "../util/checked-env.ts";
import type { Env } from "../util/env.ts";
import type { EventQueue } from "./events.ts";
import type { Health } from "./health.ts";
import type { ResolvedOptions } from "./options.ts";

/** What every part of an open store shares. */
export interface StoreContext {
  readonly path: string;
  readonly env: CheckedEnv;
  readonly options: ResolvedOptions;
  readonly order: KeyOrder;
  readonly events: EventQueue;
  readonly health: Health;
  readonly databaseId: Uint8Array;
}

/** What writing tables needs of it, in whatever thread. */
export interface OutputContext extends Pick<StoreContext, "path" | "order" | "databaseId"> {
  readonly env: Env;
  readonly options: Pick<ResolvedOptions, "paranoid" | "blockSize" | "indexBlockSize" | "bloomBitsPerKey"> & {
    readonly comparator: { readonly name: string };
  };
  readonly health: Pick<Health, "sync">;
  /** Called from time to time in the middle of a long step, where somebody watches over the thread. */
  readonly beat?: () => void;
}

/** What reading tables needs of it. */
export interface TableContext extends Pick<StoreContext, "path" | "order" | "databaseId"> {
  readonly env: Env;
  readonly options: Pick<ResolvedOptions, "blockCacheSize" | "readOnly" | "maxOpenFiles">;
}

/** The path of a file of the store. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** A non-zero tag for a new life of a file. */
export function drawTag(env: { randomBytes(count: number): Uint8Array }): number {
  for (;;) {
    const tag = Buffer.from(env.randomBytes(4)).readUInt32LE(0);
    if (tag !== 0) return tag;
  }
}

/** Runs every action, whatever the others do; then throws what the first failing one threw. */
export function runAll(actions: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const action of actions) {
    try {
      action();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Closes a file of which nothing is expected any more: a failure is told to the logger alone. */
export function closeUnneeded({ events }: Pick<StoreContext, "events">, file: { close(): void }): void {
  try {
    file.close();
  } catch (error) {
    events.log("warn", `a file that is needed no more could not be closed: ${String(error)}`);
  }
}

/** Runs `action`; true unless it failed with that errno, which is then swallowed. */
export function unless(errno: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (errnoOf(error) !== errno) throw error;
    return false;
  }
}
