// How far back a recovery may go, as a picture: the states that a crash had to leave, from D to I, and the one that it left.

import type { CrashScene, RecoveredStory } from "../crash/crash-story.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { facts } from "./sections.ts";

/** With more states than this only the ends are named. */
const NAMED_MAX = 14;
const HEIGHT = 58;

export const WINDOW_STYLE = `
.window { width: 100%; margin: .8rem 0 .4rem; overflow: visible; } .window .allowed { fill: var(--good); opacity: .25; }
.window .axis { stroke: var(--faint); } .window .p.bad { fill: var(--bad); } .window .p.good { fill: var(--good); }
.window .cross { stroke: var(--paper); stroke-width: 2; }`;

export interface WindowView {
  readonly crash: CrashScene;
  /** What the next life recovered; absent: its open did not come so far. */
  readonly recovered: RecoveredStory | undefined;
  /** Its open threw. */
  readonly unopened: boolean;
  /** Of an operation, by its id. */
  readonly kindOf: (op: number) => string;
}

export function windowSection({ crash, recovered, unopened, kindOf }: WindowView): Markup {
  const { least, most, writes } = crash;
  const write = (p: number): string => {
    const placed = writes.find((one) => one.p === p);
    return placed ? `write ${p} (operation ${placed.op}, ${kindOf(placed.op)})` : `write ${p}`;
  };
  const rows: (readonly [string, Content])[] = [
    [`D = ${least}`, least === 0 ? "nothing had to survive" : `${write(least)} and all before it had to survive`],
    [`I = ${most}`, most === 0 ? "nothing had been written" : `${write(most)} was the last that had been issued`],
    ...(recovered ? [["p", recoveredInWords(crash, recovered)] as const] : []),
    ...(unopened ? [["p", markup`<span class="bad">none: the store does not open</span>`] as const] : []),
  ];
  return markup`${windowPicture(crash, recovered)}${facts(rows)}`;
}

function recoveredInWords({ least, most }: CrashScene, { states, nearest }: RecoveredStory): Content {
  if (states.length === 0)
    return markup`<span class="bad">no S<sub>p</sub> is the state that was recovered</span>; nearest is p = ${nearest}`;
  const isAllowed = states.some((p) => p >= least && p <= most);
  return markup`<span class="${isAllowed ? "good" : "bad"}">${states.join(" or ")} was recovered</span>${isAllowed ? ", which is allowed" : `; allowed is ${least === most ? least : `${least} to ${most}`}`}`;
}

function windowPicture({ least, most }: CrashScene, recovered: RecoveredStory | undefined): Markup {
  const points = recovered
    ? [...recovered.states, ...(recovered.states.length === 0 ? [recovered.nearest ?? least] : [])]
    : [];
  const [from, to] = [Math.min(least, ...points, Math.max(0, least - 2)), Math.max(most, ...points) + 1];
  const states = to - from + 1;
  const x = (p: number): number => Math.round(((p - from + 0.5) / states) * 10_000) / 100;
  const named =
    states <= NAMED_MAX ? Array.from({ length: states }, (_, i) => from + i) : [from, least, most, ...points];
  const ticks = [...new Set(named)].map(
    (p) =>
      markup`<line class="axis" x1="${x(p)}%" x2="${x(p)}%" y1="27" y2="33"/><text class="faint" x="${x(p)}%" y="48" text-anchor="middle">${p}</text>`,
  );
  const isNone = recovered?.states.length === 0;
  const marks = points.map((p) => {
    const isAllowed = !isNone && p >= least && p <= most;
    const cross = isAllowed ? undefined : markup`<path class="cross" d="M-3 -3L3 3M3 -3L-3 3"/>`;
    return markup`<svg x="${x(p)}%" y="30" overflow="visible"><circle class="p ${isAllowed ? "good" : "bad"}" r="8"/>${cross}</svg>`;
  });
  const label = `allowed are the states from ${least} to ${most}`;
  return markup`<svg class="window" height="${HEIGHT}" role="img" aria-label="${label}">
<rect class="allowed" x="${x(least - 0.5)}%" width="${x(most + 0.5) - x(least - 0.5)}%" y="16" height="28" rx="4"/>
<text class="good" x="${x((least + most) / 2)}%" y="11" text-anchor="middle">allowed</text>
<line class="axis" x1="0" x2="100%" y1="30" y2="30"/>${ticks}${marks}</svg>`;
}
