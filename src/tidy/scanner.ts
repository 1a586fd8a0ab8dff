// Splits TypeScript into tokens, as far as the rules of this folder need it: comments are gone, strings, templates and
// regular expressions are one token each (the expressions inside a template are tokens of their own), and everything
// else is words and punctuation. Brackets must balance: a file that this scanner misreads is an error, not a surprise.

export interface Token {
  readonly kind: "word" | "number" | "string" | "template" | "regex" | "punctuation";
  /** As written; for a string what stands between its quotes. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const SPACE = /\s+|\/\/[^\n]*|\/\*[^]*?\*\//y;
const WORD = /#?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy;
const NUMBER = /\.?\d(?:[\w.]|(?<=[eE])[+-])*/y;
const STRING = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_PART = /(?:[^`\\$]|\\[^]|\$(?!\{))*/y;
const PUNCTUATION = /=>|\+\+|--|[^]/y;

/** Words after which a value begins, so that a slash there starts a regular expression. */
const BEFORE_VALUE = new Set(
  "return typeof instanceof in of new delete void throw case do else await yield".split(" "),
);

const CLOSING: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

export function tokenize(text: string): Token[] {
  return new Scanner(text).scan();
}

class Scanner {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  // What is open: brackets, and "${" for the inside of a template.
  readonly #open: string[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): Token[] {
    while (this.#at < this.#text.length) this.#step();
    if (this.#open.length > 0) throw new Error(`line ${this.#line}: ${this.#open.at(-1)} is never closed`);
    return this.#tokens;
  }

  #step(): void {
    if (this.#take(SPACE) !== undefined) return;
    const next = this.#text[this.#at];
    if (next === "`") this.#template("`");
    else if (next === "}" && this.#open.at(-1) === "${") this.#template("}");
    else if (next === "/" && !this.#afterValue()) this.#add("regex", REGEX);
    else if (next === '"' || next === "'") this.#add("string", STRING);
    else if (!this.#tryAdd("word", WORD) && !this.#tryAdd("number", NUMBER)) this.#punctuation();
  }

  // From a back quote or the brace that ends an expression, to the next expression or the closing back quote.
  #template(opening: string): void {
    if (opening === "}") this.#open.pop();
    const line = this.#line;
    const start = this.#at++;
    this.#take(TEMPLATE_PART);
    const more = this.#text.startsWith("${", this.#at);
    if (more) this.#open.push("${");
    else if (this.#text[this.#at] !== "`") throw new Error(`line ${line}: a template is never closed`);
    this.#at += more ? 2 : 1;
    this.#tokens.push({ kind: "template", text: this.#text.slice(start, this.#at), line });
  }

  #punctuation(): void {
    this.#add("punctuation", PUNCTUATION);
    const { text } = this.#tokens.at(-1)!;
    if (text === "(" || text === "[" || text === "{") this.#open.push(text);
    const opening = CLOSING[text];
    if (opening !== undefined && this.#open.pop() !== opening) throw new Error(`line ${this.#line}: stray ${text}`);
  }

  #add(kind: Token["kind"], pattern: RegExp): void {
    if (!this.#tryAdd(kind, pattern)) throw new Error(`line ${this.#line}: a ${kind} is never closed`);
  }

  #tryAdd(kind: Token["kind"], pattern: RegExp): boolean {
    const line = this.#line;
    const text = this.#take(pattern);
    if (text === undefined) return false;
    this.#tokens.push({ kind, text: kind === "string" ? text.slice(1, -1) : text, line });
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text === undefined) return undefined;
    this.#at += text.length;
    for (const character of text) if (character === "\n") this.#line++;
    return text;
  }

  // Whether the last token ends a value, so that a slash divides.
  #afterValue(): boolean {
    const last = this.#tokens.at(-1);
    if (last === undefined) return false;
    if (last.text === "!" && last.kind === "punctuation") return endsValue(this.#tokens.at(-2)); // x! / y, but !/x/
    return endsValue(last);
  }
}

function endsValue(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === "word") return !BEFORE_VALUE.has(token.text);
  if (token.kind === "template") return token.text.endsWith("`");
  return token.kind !== "punctuation" || [")", "]", "}", "++", "--"].includes(token.text);
}

/** For each token that is an opening bracket, the index of the closing one; -1 for all others. */
export function matchBrackets(tokens: readonly Token[]): Int32Array {
  const closing = new Int32Array(tokens.length).fill(-1);
  const open: number[] = [];
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== "punctuation") continue;
    if (text === "(" || text === "[" || text === "{") open.push(index);
    else if (CLOSING[text] !== undefined) closing[open.pop()!] = index;
  }
  return closing;
}
