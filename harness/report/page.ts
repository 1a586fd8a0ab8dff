// One page that needs nothing else: no script, no font, no address. It reads on a phone and on paper, in light and dark.

import { markup, type Content, type Markup } from "./markup.ts";

export interface Page {
  readonly title: string;
  /** Rules beside those that all pages have. */
  readonly style?: string;
  readonly body: Content;
}

// Colours of meaning (--bad, --good, --pending, --seen) are told apart by those who see few colours, have a contrast of 4.5 and more with
// --paper and --soft, and never stand without a word or a shape that says the same.
const STYLE = `
:root { color-scheme: light dark;
  --paper: light-dark(#fff, #15181c); --soft: light-dark(#f3f5f7, #1e2329); --line: light-dark(#d5dae0, #373e47);
  --ink: light-dark(#1a1f26, #e4e8ec); --faint: light-dark(#5a6470, #9aa5b1);
  --bad: light-dark(#a83200, #ff9b6a); --good: light-dark(#00664b, #4ccfa5);
  --pending: light-dark(#8a5a00, #f0b440); --seen: light-dark(#00568f, #74bdf0); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem; overflow-wrap: anywhere;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .4rem; text-wrap: balance; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.6rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p { margin: .3rem 0 .7rem; max-width: 46rem; } a { color: var(--seen); }
code, pre, td.code, tbody th.code { font: .86em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: .3rem 0 .8rem; padding: .7rem .9rem; background: var(--soft); border-radius: 6px; white-space: pre-wrap; }
.faint { color: var(--faint); } .bad { color: var(--bad); } .good { color: var(--good); } .pending { color: var(--pending); }
.bad, .good { font-weight: 600; }
.wide { overflow-x: auto; margin: .4rem 0 1rem; } .wide:focus-visible { outline: 2px solid var(--seen); }
.verdict { border-left: 5px solid; padding: .2rem 0 .2rem 1rem; margin: 0 0 1.2rem; } .verdict p { margin: .2rem 0; }
.verdict.failed { border-color: var(--bad); } .verdict.passed { border-color: var(--good); }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: 1.6rem 0 0; list-style: none; font-size: .9rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .6rem 0 1rem; font-size: .94rem; }
.facts dt { color: var(--faint); } .facts dd { margin: 0; }
.operations, .files { padding: 0; margin: .4rem 0; list-style: none; } .operations li { padding: .15rem 0; }
.operations .blow code { color: var(--bad); font-weight: 600; } .files { font-size: .9rem; }
table { border-collapse: collapse; min-width: min(100%, 40rem); font-size: .86rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding-bottom: .3rem; }
th, td { padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; }
th { font-weight: 600; } thead th { color: var(--faint); white-space: nowrap; } td.number, th.number { text-align: right; }
td.word, td.number { white-space: nowrap; } tbody th { font-weight: 400; }
svg { display: block; max-width: 100%; font: 11px system-ui, sans-serif; } svg text { fill: currentColor; }
@media print { :root { color-scheme: light; } body { padding: 0; max-width: none; font-size: 10.5pt; }
  .wide { overflow-x: visible; } h2, h3 { break-after: avoid; } tr, svg { break-inside: avoid; } thead { display: table-header-group; } }
`;

export function renderPage({ title, style = "", body }: Page): string {
  const head = markup`<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>`;
  return `<!doctype html>
<html lang="en">
<head>
${head.text}
<style>${STYLE}${style}</style>
</head>
<body>
${markup`${body}`.text}
</body>
</html>
`;
}

export interface Column {
  readonly label: string;
  /** Numbers stand to the right; words are not broken. */
  readonly kind?: "text" | "number" | "code" | "word";
}

export interface Table {
  /** A word or two for it. */
  readonly name: string;
  /** What it shows: read before it, and by those who do not see it. */
  readonly caption: Content;
  readonly columns: readonly Column[];
  /** The first cell is the name of its row. */
  readonly rows: readonly (readonly Content[])[];
  /** A class for each row. */
  readonly classes?: readonly string[];
}

/** A table, in a box of its own that scrolls if it is wider than the page. */
export function table({ name, caption, columns, rows, classes = [] }: Table): Markup {
  const classOf = (i: number): string => columns[i]?.kind ?? "text";
  const heads = columns.map(({ label }, i) => markup`<th scope="col" class="${classOf(i)}">${label}</th>`);
  const body = rows.map((row, n) => {
    const cells = row.map((cell, i) =>
      i === 0
        ? markup`<th scope="row" class="${classOf(i)}">${cell}</th>`
        : markup`<td class="${classOf(i)}">${cell}</td>`,
    );
    return markup`<tr class="${classes[n] ?? ""}">${cells}</tr>\n`;
  });
  return scrolling(
    name,
    markup`<table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>
${body}</tbody></table>`,
  );
}

/** A box that scrolls by itself, by keyboard too. */
export function scrolling(name: string, content: Content): Markup {
  return markup`<div class="wide" role="region" aria-label="${name}" tabindex="0">${content}</div>`;
}
