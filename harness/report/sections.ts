import { markup, type Content, type Markup } from "./markup.ts";

/** A part of a page with a heading of its own; without content there is none. */
export interface Section {
  readonly title: string;
  readonly content: Content;
}

/** The sections that have content, behind a list of them. */
export function sectionsMarkup(sections: readonly Section[]): Markup {
  const present = sections.filter(({ content }) => content !== undefined);
  const links = present.map(({ title }) => markup`<li><a href="#${idOf(title)}">${title}</a></li>`);
  const parts = present.map(
    ({ title, content }) =>
      markup`<section aria-labelledby="${idOf(title)}"><h2 id="${idOf(title)}">${title}</h2>${content}</section>\n`,
  );
  return markup`<nav aria-label="On this page"><ul>${links}</ul></nav>${parts}`;
}

/** The head of a page: whether it is good, and in a sentence what. */
export function verdict(outcome: "passed" | "failed", { label, title, about }: Verdict): Markup {
  const kind = outcome === "passed" ? "good" : "bad";
  return markup`<header class="verdict ${outcome}"><p class="${kind}">${label}</p>
<h1>${title.slice(0, 1).toUpperCase()}${title.slice(1)}</h1><p class="faint">${about}</p></header>`;
}

export interface Verdict {
  readonly label: string;
  readonly title: string;
  readonly about: Content;
}

/** Names and what they stand for. */
export function facts(rows: readonly (readonly [term: string, text: Content])[]): Markup {
  return markup`<dl class="facts">${rows.map(([term, text]) => markup`<dt>${term}</dt><dd>${text}</dd>`)}</dl>`;
}

function idOf(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

/** Lines may end behind its commas: of a configuration. */
export function breakable(text: string): Content {
  return text.split(",").map((part, i) => (i === 0 ? part : markup`,<wbr>${part}`));
}
