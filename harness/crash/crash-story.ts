// What a failing log did, as plain values: how each life of the store ended, what its crash met and left, what the next one
// recovered. Told in words by crash-account.ts, as a page by report/.

import { posix } from "node:path";
import type { Barrier } from "tinykv/env";
import type { Choices } from "../disk/choice.ts";
import type { FileContent, Image } from "../disk/image.ts";
import type { PendingItem } from "../disk/pending-item.ts";
import type { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { Finding } from "../finding.ts";
import type { Loss, Window } from "../oracle.ts";
import type { PlacedWrite } from "./placed-writes.ts";

export interface CrashStory {
  readonly lives: readonly LifeStory[];
  /** What it showed. */
  readonly failure?: Pick<Finding, "condition" | "phase" | "message" | "keys">;
  readonly barrier?: MissingBarrier;
}

/** One process: trace[from] to trace[to - 1] are its calls. */
export interface LifeStory {
  readonly from: number;
  readonly to: number;
  /** What its open recovered: the states that it may have been, or those it was and must not have been. */
  readonly recovered?: RecoveredStory;
  /** What ended it; absent: the last life, that showed the failure. */
  readonly crash?: CrashScene;
}

export interface RecoveredStory {
  /** Every p of the whole history whose S_p it equals; none: it is a state that never was. */
  readonly states: readonly number[];
  /** The allowed p that agrees with most keys, where none is equal. */
  readonly nearest?: number;
}

export interface CrashScene {
  /** Id of the operation that is the crash. */
  readonly op: number;
  readonly loss: Loss;
  /** D and I: the next life must recover S_p with least ≤ p ≤ most. */
  readonly least: number;
  readonly most: number;
  /** The writes of the history and their places in it, ascending. */
  readonly writes: readonly PlacedWrite[];
  readonly items: readonly ItemStory[];
  readonly files: readonly FileStory[];
}

/** "kept": by the kernel, since a process kill loses nothing. "older": a version between the durable and the newest. */
export type ItemFate = "survived" | "older" | "torn" | "lost" | "kept";

/** Something that was pending. */
export interface ItemStory {
  /** As op logs name it. */
  readonly role: string;
  /** The file, or the directory whose list it is about. */
  readonly path: string;
  readonly fate: ItemFate;
  /** Which of how many versions; of a torn page the sectors of it, bit by bit. */
  readonly version?: number;
  readonly versions: number;
  readonly sectors?: number;
  /** Places in the trace of the events that made its versions, one each. */
  readonly events: readonly number[];
}

/**
 * "whole": as the program saw it. "durable": as of its last sync. "mixed": some of what was pending, and not all.
 * "torn": with a torn page. "lost": it has no name any more. "gone": nor should it have. "back": it had none.
 */
export type FileFate = "whole" | "durable" | "mixed" | "torn" | "lost" | "gone" | "back";

/** A file at the crash; sizes in bytes, absent where it had no name. */
export interface FileStory {
  readonly path: string;
  /** As the program saw it. */
  readonly seen?: number;
  /** As a crash that loses everything would have left it. */
  readonly durable?: number;
  /** As the crash left it. */
  readonly left?: number;
  readonly fate: FileFate;
}

/** The one sync with which no image of the moment of a crash would have failed. */
export interface MissingBarrier {
  /** The file, or the directory. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Between these two events of the trace; `before` is absent if nothing came behind. */
  readonly after: number;
  readonly before?: number;
  /** The name that such a sync has in our engine. */
  readonly barrier?: Barrier;
}

export interface SceneParts {
  readonly op: number;
  readonly loss: Loss;
  readonly window: Window;
  readonly writes: readonly PlacedWrite[];
  /** As it was when the crash came. */
  readonly disk: SimulatedDisk;
  readonly items: readonly PendingItem[];
  readonly roles: readonly string[];
  /** Absent: a process kill, which loses nothing. */
  readonly choices?: Choices;
  /** What it left. */
  readonly image: Image;
}

/** To be called before the disk is told of the crash. */
export function sceneOf(parts: SceneParts): CrashScene {
  const { op, loss, window, writes, items, roles, choices } = parts;
  const stories = items.map((item, i) => itemStory(item, roles[i]!, choices?.[i]));
  const torn = new Set(stories.filter(({ fate }) => fate === "torn").map(({ path }) => path));
  const { least, most } = window;
  return { op, loss, least, most, writes, items: stories, files: fileStories(parts, torn) };
}

function itemStory(item: PendingItem, role: string, choice: Choices[number] | undefined): ItemStory {
  // Times count events from 1; the first is that of the durable version.
  const events = item.times.slice(1).map((time) => time - 1);
  const versions = item.times.length - 1;
  const known = { role, path: pathOf(item), versions, events };
  if (!choice) return { ...known, fate: "kept" };
  const { version, torn } = choice;
  if (torn !== undefined) return { ...known, fate: "torn", version, sectors: torn };
  if (version === 0) return { ...known, fate: "lost" };
  return version === versions ? { ...known, fate: "survived" } : { ...known, fate: "older", version };
}

function pathOf(item: PendingItem): string {
  return item.kind === "name" ? item.change.assignments.at(-1)!.directory.path : item.inode.path;
}

function fileStories({ disk, image }: SceneParts, torn: ReadonlySet<string>): FileStory[] {
  const seen = disk.imageKill().files;
  const durable = disk.imageNone().files;
  const left = image.files;
  const paths = new Set([...seen.keys(), ...durable.keys(), ...left.keys()]);
  const story = (path: string): FileStory => {
    const versions = { seen: seen.get(path), durable: durable.get(path), left: left.get(path) };
    const sizes = Object.entries(versions).flatMap(([name, content]) => (content ? [[name, content.size]] : []));
    const sizesByName = Object.fromEntries(sizes) as Partial<Record<keyof typeof versions, number>>;
    return { path, ...sizesByName, fate: torn.has(path) && versions.left ? "torn" : fileFate(versions) };
  };
  return [...paths].sort().map(story);
}

function fileFate({
  seen,
  durable,
  left,
}: Readonly<Record<"seen" | "durable" | "left", FileContent | undefined>>): FileFate {
  if (!left) return seen ? "lost" : "gone";
  if (!seen) return "back";
  if (left === seen) return "whole";
  return left === durable ? "durable" : "mixed";
}

/** A path as stories tell it: from `root` on; what stands outside whole. */
export function nameIn(root: string, path: string): string {
  if (path === root) return posix.basename(path);
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
