// Addresses of crash points and names of pending items that hold when other operations are deleted: a call by the
// operation it serves, an item by the role of its file ("size of the newest log").

import { posix } from "node:path";
import type { NameChange } from "../disk/directory-node.ts";
import type { Choice, Choices, Fill } from "../disk/choice.ts";
import type { PendingItem } from "../disk/pending-item.ts";
import { callName, type Trace, type TraceEvent } from "../disk/trace.ts";
import type { CrashAddress, Survival } from "../op.ts";

/**
 * The address of the event at `index`: a call, or behind the return of an operation ("return").
 * Every call of an operation counts, those of reads too.
 */
export function addressOf(trace: Trace, index: number, when: CrashAddress["when"]): CrashAddress {
  const name = eventName(trace[index]!);
  let op = 0;
  let nth = 0;
  for (let i = 0; i <= index; i++) {
    const event = trace[i]!;
    if ("mark" in event && event.mark === "begin") {
      op = event.op;
      nth = 0;
    }
    if (i < index && eventName(event) === name) nth++;
  }
  return { op, call: name, nth, when };
}

/** The place of the addressed event in a trace; -1 if it has none. */
export function placeOf(trace: Trace, address: CrashAddress): number {
  let op = 0;
  let nth = 0;
  for (let i = 0; i < trace.length; i++) {
    const event = trace[i]!;
    if ("mark" in event && event.mark === "begin") {
      op = event.op;
      nth = 0;
    }
    if (op !== address.op || eventName(event) !== address.call) continue;
    if (nth++ === address.nth) return i;
  }
  return -1;
}

export function eventName(event: TraceEvent): string {
  if ("call" in event) return callName(event);
  return event.mark === "end" ? "return" : "begin";
}

/**
 * The names of pending items, in their order. Files are named by kind, counted from the newest: "log", "log-1" …; two items
 * of one name are told apart by "#2".
 */
export function rolesOf(items: readonly PendingItem[], root: string): string[] {
  const ranks = new Ranks(items, root);
  const seen = new Map<string, number>();
  return items.map((item) => {
    const role = roleOf(item, ranks);
    const count = (seen.get(role) ?? 0) + 1;
    seen.set(role, count);
    return count === 1 ? role : `${role}#${count}`;
  });
}

/** Stands among the items that survive: pages that were never written show the bytes of a dead log. */
export const STALE = "stale bytes";

/** Choices as an op log has them: the items that survive, with the version if an older one did and the sectors if torn. */
export function survivalOf(
  roles: readonly string[],
  items: readonly PendingItem[],
  { choices, fill }: { readonly choices: Choices; readonly fill: Fill },
): Survival {
  const kept: string[] = fill === "stale" ? [STALE] : [];
  choices.forEach((choice, i) => {
    if (choice.version === 0) return;
    // Versions count back from the newest: what an operation before wrote does not shift them.
    const back = items[i]!.times.length - 1 - choice.version;
    const torn = choice.torn === undefined ? "" : `~${choice.torn.toString(16)}`;
    kept.push(`${roles[i]!}${back === 0 ? "" : `@-${back}`}${torn}`);
  });
  if (kept.length === 0) return { kind: "none" };
  return { kind: "keep", items: kept };
}

/** What became of each item; names that no item has are passed over. */
export function choicesOf(roles: readonly string[], items: readonly PendingItem[], survival: Survival): Choices {
  const all = items.map(({ times }): Choice => ({ version: times.length - 1 }));
  switch (survival.kind) {
    case "none":
      return items.map(() => ({ version: 0 }));
    case "all":
      return all;
    case "keep":
    case "lose": {
      const named = new Map(survival.items.map(parseItem));
      return items.map((_, i): Choice => {
        const item = named.get(roles[i]!);
        if (survival.kind === "lose") return item ? { version: 0 } : all[i]!;
        if (!item) return { version: 0 };
        const version = Math.max(0, all[i]!.version - item.back);
        return item.torn === undefined ? { version } : { version, torn: item.torn };
      });
    }
    default:
      throw new Error("a seeded survival is drawn, not named");
  }
}

/** What shows in pages that were never written. */
export function fillOf(survival: Survival): Fill {
  return survival.kind === "keep" && survival.items.includes(STALE) ? "stale" : "zeros";
}

const ITEM = /^(.*?)(?:@-(\d+))?(?:~([0-9a-f]+))?$/;

function parseItem(text: string): [string, { back: number; torn: number | undefined }] {
  const [, role = text, back, torn] = ITEM.exec(text) ?? [];
  return [
    role,
    { back: back === undefined ? 0 : Number(back), torn: torn === undefined ? undefined : parseInt(torn, 16) },
  ];
}

function roleOf(item: PendingItem, ranks: Ranks): string {
  if (item.kind === "page") return `page:${item.page}:${ranks.nameOf(item.inode.path)}`;
  if (item.kind === "size") return `size:${ranks.nameOf(item.inode.path)}`;
  const { verb, assignments } = item.change;
  return `${verb}:${assignments.map((assignment) => ranks.nameOf(pathOf(assignment))).join(">")}`;
}

function pathOf({ directory, name }: NameChange["assignments"][number]): string {
  return posix.join(directory.path, name);
}

/** Numbered files of one kind and directory, counted from the newest. */
class Ranks {
  readonly #byKind = new Map<string, number[]>();
  readonly #root: string;

  constructor(items: readonly PendingItem[], root: string) {
    this.#root = root;
    for (const item of items) {
      if (item.kind === "name") for (const assignment of item.change.assignments) this.#note(pathOf(assignment));
      else this.#note(item.inode.path);
    }
    for (const numbers of this.#byKind.values()) numbers.sort((a, b) => b - a);
  }

  nameOf(path: string): string {
    const { kind, number } = kindOf(path, this.#root);
    if (number === undefined) return kind;
    const rank = this.#byKind.get(kind)!.indexOf(number);
    return rank === 0 ? kind : `${kind}-${rank}`;
  }

  #note(path: string): void {
    const { kind, number } = kindOf(path, this.#root);
    if (number === undefined) return;
    const numbers = this.#byKind.get(kind) ?? [];
    this.#byKind.set(kind, numbers);
    if (!numbers.includes(number)) numbers.push(number);
  }
}

// A numbered file is of the kind of its name without the number; other files keep their names.
function kindOf(path: string, root: string): { kind: string; number: number | undefined } {
  const local = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  const directory = local.includes("/") ? `${posix.dirname(local)}/` : "";
  const name = posix.basename(local);
  const match = /^(?:MANIFEST-)?(\d{6,})(?:\.(\w+))?$/.exec(name);
  if (!match) return { kind: directory + name, number: undefined };
  const kind = match[2] === undefined ? "manifest" : match[2] === "sst" ? "table" : match[2];
  return { kind: directory + kind, number: Number(match[1]) };
}
