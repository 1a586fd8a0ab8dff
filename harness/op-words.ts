import { unescapeBytes, unescapeText } from "./tokens.ts";
import type { ValueRef } from "./values.ts";

/** Why a line is no operation. */
export class OpSyntaxError extends Error {
  override readonly name = "OpSyntaxError";
}

const NAME = /^[\w.-]+$/;
const NUMBER = /^(?:0|[1-9][0-9]{0,15})$/;
const VALUE = /^([0-9]+)\.([0-9]+)\.([0-9]+)$/;

/** Lengths fit the field of a value's header; ids fit its six bytes. */
const VALUE_LENGTH_MAX = 512 << 20;
const VALUE_ID_MAX = 2 ** 48 - 1;

/** The words of a line, taken from the left; every method throws OpSyntaxError for a word that does not fit. */
export class OpWords {
  readonly #words: readonly string[];
  #next = 0;

  constructor(line: string) {
    this.#words = line.split(" ");
  }

  get done(): boolean {
    return this.#next === this.#words.length;
  }

  word(what: string): string {
    const word = this.#words[this.#next];
    if (word === undefined) throw new OpSyntaxError(`${what} is missing`);
    this.#next++;
    return word;
  }

  /** Takes the next word if it is `word`. */
  flag(word: string): boolean {
    if (this.#words[this.#next] !== word) return false;
    this.#next++;
    return true;
  }

  /** Takes the next word if it is `name=…`, and gives what follows. */
  named(name: string): string | undefined {
    const word = this.#words[this.#next];
    if (!word?.startsWith(`${name}=`)) return undefined;
    this.#next++;
    return word.slice(name.length + 1);
  }

  name(what: string): string {
    return checkName(this.word(what), what);
  }

  namedName(name: string): string | undefined {
    const word = this.named(name);
    return word === undefined ? undefined : checkName(word, name);
  }

  number(what: string): number {
    return checkNumber(this.word(what), what);
  }

  namedNumber(name: string): number | undefined {
    const word = this.named(name);
    return word === undefined ? undefined : checkNumber(word, name);
  }

  key(what = "the key"): string {
    return checkKey(this.word(what), what);
  }

  namedKey(name: string): string | undefined {
    const word = this.named(name);
    return word === undefined ? undefined : checkKey(word, name);
  }

  text(what: string): string {
    const word = this.word(what);
    const text = unescapeText(word);
    if (text === undefined) throw new OpSyntaxError(`${what} has a bad escape: ${word}`);
    return text;
  }

  value(): ValueRef {
    const word = this.word("the value");
    const match = VALUE.exec(word);
    const [incarnation, id, length] = match ? [Number(match[1]), Number(match[2]), Number(match[3])] : [-1, -1, -1];
    const legal = Number.isSafeInteger(incarnation) && id <= VALUE_ID_MAX && length <= VALUE_LENGTH_MAX;
    if (!match || !legal) throw new OpSyntaxError(`not a value (incarnation.id.length): ${word}`);
    return { incarnation, id, length };
  }

  oneOf<const T extends string>(what: string, choices: readonly T[]): T {
    const word = this.word(what);
    const choice = choices.find((known) => known === word);
    if (choice === undefined) throw new OpSyntaxError(`${what} must be one of ${choices.join(", ")}, not ${word}`);
    return choice;
  }
}

function checkName(word: string, what: string): string {
  if (!NAME.test(word))
    throw new OpSyntaxError(`${what} must be made of letters, digits, "_", "." and "-", not ${word}`);
  return word;
}

function checkNumber(word: string, what: string): number {
  const number = NUMBER.test(word) ? Number(word) : NaN;
  if (!Number.isSafeInteger(number)) throw new OpSyntaxError(`${what} must be a number, not ${word}`);
  return number;
}

function checkKey(word: string, what: string): string {
  const key = unescapeBytes(word);
  if (key === undefined) throw new OpSyntaxError(`${what} has a bad escape: ${word}`);
  return key;
}
