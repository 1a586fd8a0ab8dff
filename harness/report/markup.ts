// HTML and SVG as text that is safe by construction: what is put into a template is escaped, unless it is markup itself.

/** A piece of a page. */
export class Markup {
  readonly text: string;

  /** `text` stands in the page as it is. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: text and numbers are escaped, undefined is nothing, lists stand one behind the other. */
export type Content = Markup | string | number | undefined | readonly Content[];

/** A template: markup`<p>${text}</p>`. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + textOf(contents[i - 1]) + part));
}

function textOf(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (content === undefined) return "";
  if (typeof content === "string") return escapeMarkup(content);
  return typeof content === "number" ? String(content) : content.map(textOf).join("");
}

function escapeMarkup(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
    .replaceAll(UNPRINTABLE, (character) => `&lt;${character.charCodeAt(0).toString(16).padStart(2, "0")}&gt;`);
}

// A page may not hold them, and nobody would see them; a newline and a tab are white space.
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
