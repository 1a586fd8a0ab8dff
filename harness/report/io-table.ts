// The calls of one life in order, under the operations that they serve: syncs by the name of their barrier, and for each call
// that left something pending, what made it durable, or what became of it.

import { failureInWords } from "../crash/crash-account.ts";
import { nameIn, type CrashScene, type ItemFate } from "../crash/crash-story.ts";
import { callName, changesDisk, type TraceCall } from "../disk/trace.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { scrolling } from "./page.ts";
import type { LifeView } from "./timeline.ts";

/** Rows of a table; of more the last. The whole trace stands beside the page. */
const ROWS_MAX = 400;

export const IO_STYLE = `
.io th.operation { background: var(--soft); padding-left: .5rem; } .io td:first-child, .io th:first-child { padding-left: .5rem; }
.io .sync { font-weight: 600; color: var(--good); } .io .crash td { border: 0; border-top: 2px dashed var(--bad); }`;

/** Of an operation, as a line. */
export type LineOf = (op: number) => string;

export function ioTable(view: LifeView, lineOf: LineOf): Markup {
  const rows = rowsOf(view, lineOf);
  const left = rows.length - ROWS_MAX;
  const heads = ["I/O", "call", "made durable"].map(
    (label, i) => markup`<th scope="col" class="${i === 0 ? "number" : ""}">${label}</th>`,
  );
  const caption =
    left > 0
      ? `The last ${ROWS_MAX} rows; ${left} before them are in trace.txt`
      : "Numbers are places in trace.txt; calls that change nothing are left out";
  const body = markup`<table class="io"><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>
${rows.slice(-ROWS_MAX)}</tbody></table>`;
  return scrolling("I/O", body);
}

function rowsOf(view: LifeView, lineOf: LineOf): Markup[] {
  const { life, trace } = view;
  const paths = new Map<number, string>();
  const rows: Markup[] = [];
  for (let i = life.from; i < life.to; i++) {
    const event = trace[i]!;
    if ("call" in event && event.call === "open") paths.set(event.file, event.path);
    if ("call" in event && !changesDisk(event)) continue;
    if ("call" in event) rows.push(callRow(i, event, paths, view));
    else if (event.mark === "begin") rows.push(operationRow(lineOf(event.op)));
    else rows.push(quietRow(i, `operation ${event.op} ${event.acknowledged ? "returned" : "threw"}`));
  }
  return life.crash ? [...rows, crashRow(life.crash)] : rows;
}

function operationRow(line: string): Markup {
  return markup`<tr><th scope="colgroup" colspan="3" class="operation code">${line}</th></tr>\n`;
}

function quietRow(i: Content, text: string): Markup {
  return markup`<tr class="faint"><td class="number">${i}</td><td colspan="2">${text}</td></tr>\n`;
}

function crashRow({ loss }: CrashScene): Markup {
  return markup`<tr class="crash"><td></td><td colspan="2" class="bad">${loss === "power" ? "the power goes" : "the process is killed"}</td></tr>\n`;
}

function callRow(i: number, call: TraceCall, paths: ReadonlyMap<number, string>, view: LifeView): Markup {
  const { lanes, life, root } = view;
  const isSync = "barrier" in call;
  const name = markup`<span class="${isSync ? "sync" : ""}">${callName(call)}</span> ${subjectOf(call, paths, root)}`;
  const failed = failureInWords(call);
  const error = failed === "" ? undefined : markup`<span class="${isSync ? "bad" : "faint"}">${failed}</span>`;
  const durable = durability(i, lanes.durableBy, life.crash);
  return markup`<tr><td class="number">${i}</td><td class="code">${name}${error}</td><td class="word">${durable}</td></tr>\n`;
}

function subjectOf(call: TraceCall, paths: ReadonlyMap<number, string>, root: string): string {
  const name = (path: string): string => nameIn(root, path);
  switch (call.call) {
    case "write":
      return `${name(paths.get(call.file) ?? "")} at ${call.position}: ${call.bytes.length} bytes`;
    case "truncate":
      return `${name(paths.get(call.file) ?? "")} to ${call.size}`;
    case "rename":
    case "link":
      return `${name(call.from)} → ${name(call.to)}`;
    default:
      return "path" in call ? name(call.path) : "file" in call ? name(paths.get(call.file) ?? "") : "";
  }
}

function durability(at: number, durableBy: ReadonlyMap<number, number>, crash: CrashScene | undefined): Content {
  const by = durableBy.get(at);
  if (by !== undefined) return `by I/O ${by}`;
  const fates = new Set(crash?.items.flatMap((item) => fatesAt(item, at)));
  if (fates.size === 0) return undefined;
  if (fates.has("kept")) return markup`<span class="pending">pending</span>`;
  const [only = "survived"] = fates;
  const fate = fates.size === 1 ? only : "in part";
  return markup`<span class="${fate === "survived" ? "good" : "bad"}">${fate}</span>`;
}

// Of an item that survived as of an older version, what was written up to then did.
function fatesAt({ events, fate, version }: CrashScene["items"][number], at: number): ItemFate[] {
  const nth = events.indexOf(at);
  if (nth < 0) return [];
  if (fate !== "older") return [fate];
  return [nth + 1 <= (version ?? 0) ? "survived" : "lost"];
}
