import type { KeptFailure } from "../artifact-files.ts";
import { closingOf, OPENING } from "../crash/recorded-run.ts";
import type { CrashStory } from "../crash/crash-story.ts";
import { printOp } from "../op-line.ts";
import type { Op } from "../op.ts";
import { markup, type Content, type Markup } from "./markup.ts";

/** Operations that are listed; of more the last, which are nearest to what failed. */
const LISTED_MAX = 200;
/** Letters of a line that are shown: a batch may have thousands of changes. */
const LETTERS_MAX = 240;

/** The operations as a list: of the log that the story is about, or of the smallest. */
export function operationsSection(kept: KeptFailure): Content {
  const { told, shrunk, story } = kept;
  const log = told ?? shrunk;
  const lines = log ? log.ops.map(printOp) : kept.lines;
  if (lines.length === 0) return undefined;
  const places = placesOf(story);
  const left = lines.length - LISTED_MAX;
  const items = lines.slice(-LISTED_MAX).map((line) => {
    const id = Number.parseInt(line, 10);
    return markup`<li class="${/^\d+ (?:crash|fault) /.test(line) ? "blow" : ""}"><code>${cut(line)}</code>${places.get(id)}</li>`;
  });
  return [
    left > 0 ? markup`<p class="faint">The last ${LISTED_MAX} of ${lines.length}.</p>` : undefined,
    markup`<ul class="operations">${items}</ul>`,
  ];
}

// What became of the writes of a log with one crash; behind another the places are other ones.
function placesOf(story: CrashStory | undefined): ReadonlyMap<number, Markup> {
  const scenes = story?.lives.flatMap(({ crash }) => crash ?? []) ?? [];
  const [scene] = scenes;
  if (!scene || scenes.length > 1) return new Map();
  const said = (p: number): string =>
    p <= scene.least ? `write ${p}: had to survive` : `write ${p}: was allowed to be lost`;
  return new Map(scene.writes.map(({ op, p }) => [op, markup` <span class="faint">${said(p)}</span>`]));
}

/** What an operation of a trace is called, also the opening and the closing of the store, which stand in no log. */
export class OperationNames {
  readonly #ops: ReadonlyMap<number, Op>;
  readonly #closing: number;

  constructor(ops: readonly Op[]) {
    this.#ops = new Map(ops.map((op) => [op.id, op]));
    this.#closing = closingOf(ops.filter(({ kind }) => kind !== "crash"));
  }

  kindOf(id: number): string {
    const op = this.#ops.get(id);
    if (op) return op.kind === "crash" ? "recovery" : op.kind;
    if (id === OPENING) return "open";
    return id === this.#closing ? "close" : "operation";
  }

  lineOf(id: number): string {
    const op = this.#ops.get(id);
    return op && op.kind !== "crash" ? cut(printOp(op)) : `${id} ${this.kindOf(id)}`;
  }
}

function cut(line: string): string {
  return line.length <= LETTERS_MAX ? line : `${line.slice(0, LETTERS_MAX)}… (${line.length} letters)`;
}
