// The sections about a crash: lives as pictures, what was pending, what was left of each file, the calls.

import type { KeptFailure } from "../artifact-files.ts";
import { fateInWords } from "../crash/crash-account.ts";
import { nameIn, type CrashScene, type CrashStory } from "../crash/crash-story.ts";
import { STORE } from "../crash/recorded-run.ts";
import type { Trace } from "../disk/trace.ts";
import { ioTable, IO_STYLE } from "./io-table.ts";
import { lanesOf } from "./lanes.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { OperationNames } from "./operations.ts";
import { table } from "./page.ts";
import type { Section } from "./sections.ts";
import { FATE_WORDS, isKept, timeline, timelineLegend, TIMELINE_STYLE, type LifeView } from "./timeline.ts";
import { windowSection, WINDOW_STYLE } from "./window.ts";

export const CRASH_STYLE: string = TIMELINE_STYLE + IO_STYLE + WINDOW_STYLE;

export function crashSections(kept: KeptFailure): Section[] {
  const { trace, story } = kept;
  if (!trace || trace.length === 0) return [];
  const told: CrashStory = story ?? { lives: [{ from: 0, to: trace.length }] };
  const names = new OperationNames(kept.told?.ops ?? []);
  const views = viewsOf(told, trace, names);
  const crashes = told.lives.flatMap(({ crash }, i) => (crash ? [{ crash, i }] : []));
  const titled = (i: number, content: Content): Content =>
    crashes.length > 1 ? [markup`<h3>Crash ${i + 1}</h3>`, content] : content;
  const each = (make: (crash: CrashScene, i: number) => Content): Content =>
    crashes.length === 0 ? undefined : crashes.map(({ crash, i }) => titled(i, make(crash, i)));
  const kindOf = (op: number): string => names.kindOf(op);
  return [
    {
      title: "Timeline",
      content: [timelineLegend(), views.map((view, i) => [lifeHeading(view, i, views.length), timeline(view)])],
    },
    {
      title: "What had to be recovered",
      content: each((crash, i) => {
        const recovered = told.lives[i + 1]?.recovered;
        const unopened = story?.failure?.phase === "open" && i === crashes.at(-1)?.i;
        return windowSection({ crash, recovered, unopened, kindOf });
      }),
    },
    { title: "Pending at the crash", content: each(pendingTable) },
    { title: "What was left of each file", content: each(filesTable) },
    {
      title: "I/O",
      content: views.map((view, i) => [lifeHeading(view, i, views.length), ioTable(view, (op) => names.lineOf(op))]),
    },
  ];
}

function viewsOf(story: CrashStory, trace: Trace, names: OperationNames): LifeView[] {
  const lanes = lanesOf(story, trace);
  const root = STORE;
  const kindOf = (op: number): string => names.kindOf(op);
  return story.lives
    .map((life, i): LifeView => ({ life, lanes: lanes[i]!, trace, root, kindOf }))
    .filter(({ life }) => life.to > life.from);
}

function lifeHeading({ life }: LifeView, i: number, count: number): Content {
  if (count === 1) return undefined;
  const what = life.crash ? `ends in ${life.crash.loss === "power" ? "a power cut" : "a kill"}` : "shows the failure";
  return markup`<h3>Life ${i + 1}${i > 0 ? ", which begins with a recovery," : undefined} ${what}</h3>`;
}

function pendingTable({ items }: CrashScene): Content {
  if (items.length === 0) return markup`<p>Nothing was pending: everything that had been done was durable.</p>`;
  const rows = items.map((item) => [
    item.role,
    item.events.join(", "),
    markup`<span class="${classOf(item.fate === "survived" || item.fate === "kept")}">${fateInWords(item)}</span>`,
  ]);
  const columns = [
    { label: "what", kind: "code" as const },
    { label: "by I/O" },
    { label: "became of it", kind: "word" as const },
  ];
  const caption = "Pages, sizes and names that no sync had made durable; log-1 is the log before the newest";
  return table({ name: "pending", caption, columns, rows });
}

function filesTable({ files }: CrashScene): Markup {
  const size = (bytes: number | undefined): Content =>
    bytes === undefined ? markup`<span class="faint">–</span>` : bytes;
  const rows = files.map(({ path, seen, durable, left, fate }) => [
    nameIn(STORE, path),
    size(seen),
    size(durable),
    size(left),
    markup`<span class="${classOf(isKept(fate))}">${FATE_WORDS[fate]}</span>`,
  ]);
  const number = (label: string): { label: string; kind: "number" } => ({ label, kind: "number" });
  const columns = [
    { label: "file", kind: "code" as const },
    number("had"),
    number("durable"),
    number("left"),
    { label: "is there", kind: "word" as const },
  ];
  const caption = "Bytes: as the program saw it, as of its last sync, as the crash left it; – means no such name";
  return table({ name: "files", caption, columns, rows });
}

function classOf(isKept: boolean): string {
  return isKept ? "good" : "bad";
}
