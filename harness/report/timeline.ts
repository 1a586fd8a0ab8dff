// One life of a store as a picture: operations above, below them a lane for each file and directory, time from left to right
// up to the crash, and at its end what the crash left of each. Positions are parts of the width, so it fits any screen and
// its letters stay as large as they are.

import { posix } from "node:path";
import { nameIn, type CrashScene, type FileFate, type LifeStory } from "../crash/crash-story.ts";
import { changesDisk, type Trace } from "../disk/trace.ts";
import type { Lane, LifeLanes, MarkKind, Span } from "./lanes.ts";
import { markup, type Content, type Markup } from "./markup.ts";

/** The part of the width in which time passes; behind it stands what is left. */
const TIME_PERCENT = 80;
/** Calls that find room; those just before the crash are the interesting ones. */
const CALLS_MAX = 60;
/** Of the narrowest screen: what finds room there does so everywhere. */
const TIME_PIXELS_MIN = 280;
const LETTER_PIXELS = 6.4;
const HEAD = 46;
const LANE_HEIGHT = 32;

export const TIMELINE_STYLE = `
.timeline { width: 100%; overflow: visible; margin: .6rem 0 .2rem; } .timeline .rule { stroke: var(--line); }
.timeline .named { stroke: var(--faint); stroke-width: 2; } .timeline .open { fill: var(--pending); opacity: .45; }
.timeline .op { fill: var(--soft); stroke: var(--faint); } .timeline .name { font-family: ui-monospace, monospace; }
.timeline .crash { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 5 3; }
.mark { fill: var(--ink); stroke: var(--paper); stroke-width: 1; paint-order: stroke; }
.mark.hollow { fill: var(--paper); stroke: var(--ink); stroke-width: 1.5; } .mark.done { fill: var(--good); }
.mark.cross { fill: none; stroke: var(--bad); stroke-width: 2; } .timeline .lost { fill: var(--bad); font-weight: 600; }
.timeline .kept { fill: var(--good); font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; padding: 0; margin: .2rem 0 1rem; list-style: none;
  font-size: .8rem; color: var(--faint); } .legend svg { display: inline-block; vertical-align: -2px; margin-right: .35em; }`;

/** What is drawn of a life. */
export interface LifeView {
  readonly life: LifeStory;
  readonly lanes: LifeLanes;
  readonly trace: Trace;
  /** Paths are shown from here on. */
  readonly root: string;
  /** Of an operation, by its id. */
  readonly kindOf: (op: number) => string;
}

export function timeline(view: LifeView): Markup {
  const axis = new Axis(view);
  const lanes = view.lanes.lanes.filter((lane) => isShown(lane, axis.first));
  const height = HEAD + lanes.length * LANE_HEIGHT + 4;
  const { crash } = view.life;
  const dead = crash
    ? [
        markup`<line class="crash" x1="${TIME_PERCENT}%" x2="${TIME_PERCENT}%" y1="4" y2="${height}"/>`,
        markup`<text class="lost" x="${TIME_PERCENT}%" dx="6" y="12">${crash.loss === "power" ? "power cut" : "kill"}</text>`,
        markup`<text class="faint" x="${TIME_PERCENT}%" dx="6" y="26">leaves</text>`,
      ]
    : [];
  return markup`<svg class="timeline" height="${height}" role="img" aria-label="${inWords(view, lanes)}">
<text class="faint" x="0" y="12">operations</text>
${operations(view, axis)}${lanes.map((lane, row) => laneMarkup(lane, HEAD + row * LANE_HEIGHT, view, axis))}${dead}</svg>
${axis.left > 0 ? markup`<p class="faint">Of this life's calls the last ${CALLS_MAX}; ${axis.left} came before.</p>` : undefined}`;
}

function inWords({ life, trace }: LifeView, lanes: readonly Lane[]): string {
  const ends = life.crash ? `, ended by ${life.crash.loss === "power" ? "a power cut" : "a kill"}` : "";
  const calls = trace.slice(life.from, life.to).filter(changesDisk).length;
  return `${calls} calls on ${lanes.length} files and directories${ends}; the table of I/O says the same in words`;
}

/** Where the events of a life stand: each call that may change the disk has as much room as any other. */
class Axis {
  /** The first event that is shown. */
  readonly first: number;
  /** Calls that are not. */
  readonly left: number;
  readonly count: number;
  readonly #columns = new Map<number, number>();
  readonly #end: number;

  constructor({ life: { from, to }, trace }: LifeView) {
    const calls = Array.from({ length: to - from }, (_, i) => from + i).filter((i) => changesDisk(trace[i]!));
    const shown = calls.slice(-CALLS_MAX);
    this.left = calls.length - shown.length;
    this.count = Math.max(1, shown.length);
    this.first = this.left > 0 ? shown[0]! : from;
    this.#end = to;
    let column = 0;
    for (let i = this.first; i < to; i++) {
      this.#columns.set(i, column);
      if (shown[column] === i) column++;
    }
  }

  /** The middle of an event's place, in percent of the width. */
  middle(at: number): number {
    return this.#percent(this.#column(at) + 0.5);
  }

  /** Where an event's place begins; the end of time for undefined. */
  start(at: number | undefined): number {
    return at === undefined || at >= this.#end ? TIME_PERCENT : this.#percent(this.#column(at));
  }

  #column(at: number): number {
    return at < this.first ? 0 : (this.#columns.get(at) ?? this.count);
  }

  #percent(column: number): number {
    return rounded((column / this.count) * TIME_PERCENT);
  }
}

function rounded(percent: number): number {
  return Math.round(percent * 100) / 100;
}

// From its begin to its return, or to the crash.
function operations({ life: { from, to }, trace, kindOf }: LifeView, axis: Axis): Content {
  const bars: Content[] = [];
  let begun: { readonly op: number; readonly at: number } | undefined;
  const add = (end: number | undefined): void => {
    if (!begun) return;
    const [x, until] = [axis.start(Math.max(begun.at, axis.first)), axis.start(end)];
    if (until > x) bars.push(operationBar(begun.op, kindOf(begun.op), x, until - x));
    begun = undefined;
  };
  for (let i = from; i < to; i++) {
    const event = trace[i]!;
    if (!("mark" in event)) continue;
    add(i);
    if (event.mark === "begin") begun = { op: event.op, at: i };
  }
  add(undefined);
  return bars;
}

function operationBar(op: number, kind: string, x: number, width: number): Markup {
  const room = (width / TIME_PERCENT) * TIME_PIXELS_MIN - 6;
  const label = [`${op} ${kind}`, `${op}`, ""].find((text) => text.length * LETTER_PIXELS <= room) ?? "";
  return markup`<rect class="op" x="${x}%" width="${rounded(width)}%" y="18" height="18" rx="3"><title>operation ${op}: ${kind}</title></rect>
<text x="${x}%" dx="4" y="31">${label}</text>
`;
}

// Nothing of it may have happened in the part that is shown.
function isShown({ marks, named }: Lane, first: number): boolean {
  return marks.some(({ at }) => at >= first) || named.some(({ to }) => to === undefined || to >= first);
}

function laneMarkup(lane: Lane, top: number, view: LifeView, axis: Axis): Markup {
  const y = top + 22;
  const span = ({ from, to }: Span, line: (x: number, until: number) => Markup): Content => {
    if (to !== undefined && to < axis.first) return undefined;
    const [x, until] = [axis.start(Math.max(from, axis.first)), axis.start(to)];
    return until > x ? line(x, until) : undefined;
  };
  const named = lane.named.map((one) =>
    span(one, (x, until) => markup`<line class="named" x1="${x}%" x2="${until}%" y1="${y}" y2="${y}"/>`),
  );
  const pending = lane.pending.map((one) =>
    span(
      one,
      (x, until) => markup`<rect class="open" x="${x}%" width="${rounded(until - x)}%" y="${y - 5}" height="10"/>`,
    ),
  );
  const marks = lane.marks
    .filter(({ at }) => at >= axis.first)
    .map(
      ({ at, kind }) =>
        markup`<svg x="${axis.middle(at)}%" y="${y}" overflow="visible">${shapeOf(kind)}<title>I/O ${at}: ${WORDS[kind]}</title></svg>`,
    );
  return markup`<line class="rule" x1="0" x2="100%" y1="${top}" y2="${top}"/>
<text class="name" x="0" y="${top + 12}">${laneName(lane, view.root)}</text>${pending}${named}${marks}${fateMarkup(lane, y, view)}
`;
}

function laneName({ path, formerly, isDirectory }: Lane, root: string): string {
  const name = (one: string): string => nameIn(root, one);
  if (isDirectory) return `${name(path)}/ (its names)`;
  const before =
    formerly !== undefined && posix.basename(formerly) !== posix.basename(path) ? posix.basename(formerly) : "";
  return before === "" ? name(path) : `${before} → ${name(path)}`;
}

export const FATE_WORDS: Readonly<Record<FileFate, string>> = {
  whole: "all of it",
  durable: "as synced",
  mixed: "in part",
  torn: "torn",
  lost: "nothing",
  gone: "unlinked",
  back: "back again",
};

/** As the program wanted it. */
export function isKept(fate: FileFate): boolean {
  return fate === "whole" || fate === "gone";
}

function fateMarkup(lane: Lane, y: number, { life: { crash } }: LifeView): Content {
  if (!crash) return undefined;
  const [text, kept] = lane.isDirectory ? directoryFate(lane, crash) : fileFate(lane, crash);
  return markup`<text class="${kept ? "kept" : "lost"}" x="${TIME_PERCENT}%" dx="6" y="${y + 4}">${text}</text>`;
}

function fileFate({ path, named }: Lane, { files }: CrashScene): readonly [string, boolean] {
  const story = files.find((file) => file.path === path);
  // Another file may have that name now.
  const isUnlinked = named.at(-1)?.to !== undefined;
  if (!story || isUnlinked !== (story.seen === undefined)) return ["", true];
  return [FATE_WORDS[story.fate], isKept(story.fate)];
}

function directoryFate({ path }: Lane, { items }: CrashScene): readonly [string, boolean] {
  const names = items.filter((item) => item.path === path && !/^(?:page|size):/.test(item.role));
  const lost = names.filter(({ fate }) => fate === "lost").length;
  if (names.length === 0) return ["", true];
  return lost === 0
    ? ["all of it", true]
    : [names.length === 1 ? "change lost" : `lost ${lost} of ${names.length}`, false];
}

const WORDS: Readonly<Record<MarkKind, string>> = {
  create: "created",
  write: "written",
  truncate: "cut",
  sync: "synced",
  failed: "sync failed",
  rename: "renamed",
  link: "linked",
  unlink: "unlinked",
};

function shapeOf(kind: MarkKind): Markup {
  switch (kind) {
    case "create":
      return markup`<circle class="mark hollow" r="4"/>`;
    case "write":
      return markup`<rect class="mark" x="-3" y="-4" width="6" height="8"/>`;
    case "truncate":
      return markup`<rect class="mark hollow" x="-3" y="-4" width="6" height="8"/>`;
    case "sync":
      return markup`<path class="mark done" d="M0 -7L6 4H-6Z"/>`;
    case "failed":
      return markup`<path class="mark hollow" d="M0 -7L6 4H-6Z"/><path class="mark cross" d="M-3 -3L3 3M3 -3L-3 3"/>`;
    case "rename":
    case "link":
      return markup`<path class="mark" d="M0 -5L5 0L0 5L-5 0Z"/>`;
    default:
      return markup`<path class="mark cross" d="M-4 -4L4 4M4 -4L-4 4"/>`;
  }
}

/** What the shapes mean. */
export function timelineLegend(): Markup {
  const shapes: readonly (readonly [MarkKind, string])[] = [
    ["create", "created"],
    ["write", "written"],
    ["sync", "synced"],
    ["rename", "renamed or linked"],
    ["unlink", "unlinked"],
  ];
  const items = shapes.map(
    ([kind, word]) =>
      markup`<li><svg width="14" height="14" viewBox="-7 -8 14 14" aria-hidden="true">${shapeOf(kind)}</svg>${word}</li>`,
  );
  const bar = markup`<li><svg class="timeline-bar" width="22" height="12" aria-hidden="true"><rect width="22" height="10" y="1" style="fill:var(--pending)" opacity=".45"/></svg>pending: a power cut may take it</li>`;
  return markup`<ul class="legend">${items}${bar}</ul>`;
}
