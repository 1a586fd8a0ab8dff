// Charts as inline SVG: bars, lines over time, and distributions. Colours come from CSS variables of the page.

import { markup, type Content, type Markup } from "tinykv/harness";

const WIDTH = 720;
const LEFT = 150;
const RIGHT = 110;
const BAR_HEIGHT = 20;
const LINES_HEIGHT = 220;
const MARGIN = { top: 14, bottom: 30, left: 64, right: 16 };
/** A line has at most this many points: a screen shows no more. */
const POINTS_MAX = 700;
/** Lines on a logarithmic scale cannot show 0. */
const LOG_LEAST = 1e-9;

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The least and the greatest of the rounds: a whisker. */
  readonly least: number;
  readonly greatest: number;
  readonly text: string;
  readonly color: string;
}

/** Horizontal bars from 0, with whiskers. */
export function barChart(bars: readonly Bar[]): Markup {
  const height = bars.length * BAR_HEIGHT;
  const most = Math.max(...bars.map(({ greatest }) => greatest), Number.MIN_VALUE);
  const x = (value: number): number => LEFT + (value / most) * (WIDTH - LEFT - RIGHT);
  const rows = bars.map(({ label, value, least, greatest, text, color }, row) => {
    const y = row * BAR_HEIGHT;
    const middle = y + BAR_HEIGHT / 2;
    return [
      markup`<text x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${label}</text>`,
      markup`<rect x="${LEFT}" y="${y + 3}" width="${round(x(value) - LEFT)}" height="${BAR_HEIGHT - 6}" rx="2" fill="${color}"/>`,
      markup`<line x1="${round(x(least))}" x2="${round(x(greatest))}" y1="${middle}" y2="${middle}" class="whisker"/>`,
      markup`<text x="${round(x(Math.max(value, greatest)) + 6)}" y="${middle + 4}">${text}</text>`,
    ];
  });
  return svg(height, rows);
}

export interface Line {
  readonly label: string;
  readonly color: string;
  /** In order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axes {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** How a tick of that axis reads. */
  readonly showX: (value: number) => string;
  readonly showY: (value: number) => string;
}

/** Lines over one pair of axes, with a legend. */
export function lineChart(lines: readonly Line[], axes: Axes): Content {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return undefined;
  const x = scale(
    all.map(([value]) => value),
    { log: axes.logX ?? false, from: MARGIN.left, to: WIDTH - MARGIN.right },
  );
  const y = scale([...(axes.logY ? [] : [0]), ...all.map(([, value]) => value)], {
    log: axes.logY ?? false,
    from: LINES_HEIGHT - MARGIN.bottom,
    to: MARGIN.top,
  });
  const paths = lines.map(({ points, color, label }) => {
    const path = thin(points).map(([px, py], i) => `${i === 0 ? "M" : "L"}${round(x.at(px))} ${round(y.at(py))}`);
    return markup`<path d="${path.join("")}" fill="none" stroke="${color}"><title>${label}</title></path>`;
  });
  return [svg(LINES_HEIGHT, [grid(x, y, axes), paths]), legend(lines)];
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function scale(
  values: readonly number[],
  { log, from, to }: { readonly log: boolean; readonly from: number; readonly to: number },
): Scale {
  const shape = log
    ? (value: number): number => Math.log10(Math.max(value, LOG_LEAST))
    : (value: number): number => value;
  const shaped = values.map(shape);
  const [least, greatest] = [shaped.reduce((a, b) => Math.min(a, b)), shaped.reduce((a, b) => Math.max(a, b))];
  const span = greatest - least || 1;
  const at = (value: number): number => from + ((shape(value) - least) / span) * (to - from);
  return { at, ticks: log ? decades(least, greatest) : steps(least, greatest) };
}

function decades(least: number, greatest: number): number[] {
  const first = Math.ceil(least);
  return Array.from({ length: Math.max(0, Math.floor(greatest) - first + 1) }, (_, i) => 10 ** (first + i));
}

// Four to ten ticks, of 1, 2 or 5 times a power of ten apart.
function steps(least: number, greatest: number): number[] {
  const raw = (greatest - least || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw)!;
  const first = Math.ceil(least / step);
  return Array.from({ length: Math.floor(greatest / step) - first + 1 }, (_, i) => (first + i) * step);
}

function grid(x: Scale, y: Scale, { xLabel, yLabel, showX, showY }: Axes): Content {
  const bottom = LINES_HEIGHT - MARGIN.bottom;
  const across = y.ticks.map((tick) => {
    const at = round(y.at(tick));
    return [
      markup`<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" class="grid"/>`,
      markup`<text x="${MARGIN.left - 6}" y="${at + 4}" text-anchor="end">${showY(tick)}</text>`,
    ];
  });
  const down = x.ticks.map((tick) => {
    const at = round(x.at(tick));
    return [
      markup`<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${bottom}" class="grid"/>`,
      markup`<text x="${at}" y="${bottom + 14}" text-anchor="middle">${showX(tick)}</text>`,
    ];
  });
  const labels = [
    markup`<text x="${WIDTH - MARGIN.right}" y="${LINES_HEIGHT - 2}" text-anchor="end" class="label">${xLabel}</text>`,
    markup`<text x="${MARGIN.left}" y="10" class="label">${yLabel}</text>`,
  ];
  return [across, down, labels];
}

// Of neighbouring points the greatest is kept: a stall must not vanish.
function thin(points: Line["points"]): Line["points"] {
  if (points.length <= POINTS_MAX) return points;
  const size = Math.ceil(points.length / POINTS_MAX);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size).reduce((a, b) => (b[1] > a[1] ? b : a)),
  );
}

function legend(lines: readonly Line[]): Markup {
  const items = lines.map(({ label, color }) => markup`<span><i style="background:${color}"></i>${label}</span>`);
  return markup`<p class="legend">${items}</p>`;
}

function svg(height: number, content: Content): Markup {
  return markup`<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${content}</svg>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
