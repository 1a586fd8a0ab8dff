import { matchBrackets, type Token } from "./scanner.ts";

export interface FunctionSpan {
  /** The line of its name, or of its parameters if it has none. */
  readonly line: number;
  /** From there to the end of its body. */
  readonly lines: number;
}

const CONTROL = new Set(["if", "for", "while", "switch", "catch", "with"]);
/** Words that may stand before the parameters of an arrow function; any other word there is a function's name. */
const BEFORE_ARROW = new Set(["async", "return", "await", "yield", "extends", "default", "typeof", "of", "in", "case"]);

/**
 * Every function with a body: declarations, methods, accessors, constructors, function expressions and arrow functions,
 * those inside others too.
 *
 * Each pair of round brackets is looked at: is it a parameter list? It is if a body follows, with or without a return
 * type in between.
 */
export function functionsOf(tokens: readonly Token[]): FunctionSpan[] {
  const closing = matchBrackets(tokens);
  const spans: FunctionSpan[] = [];
  let typeEnd = 0; // function types inside a return type are no functions
  for (const [open, close] of closing.entries()) {
    if (close < 0 || open < typeEnd || tokens[open]!.text !== "(" || isControl(tokens, open)) continue;
    const named = isNamed(tokens, open);
    const hasType = tokens[close + 1]?.text === ":";
    const after = hasType ? skipType(tokens, closing, close + 2, named) : close + 1;
    const end = endOfBody(tokens, closing, after, named);
    if (end === undefined) continue;
    typeEnd = hasType ? after : typeEnd;
    const { line } = tokens[named ? open - 1 : open]!;
    spans.push({ line, lines: tokens[end]!.line - line + 1 });
  }
  return spans;
}

function isControl(tokens: readonly Token[], open: number): boolean {
  const before = tokens[open - 1];
  const isForAwait = before?.text === "await" && tokens[open - 2]?.text === "for";
  const isMethod = tokens[open - 2]?.text === "."; // promise.catch(…)
  return before?.kind === "word" && !isMethod && (CONTROL.has(before.text) || isForAwait);
}

// name(…), "name"(…), [name](…), name<T>(…), and function(…); not the parameters of an arrow function.
function isNamed(tokens: readonly Token[], open: number): boolean {
  const before = tokens[open - 1];
  if (before === undefined) return false;
  if (before.text === ">" && before.kind === "punctuation") return isNamed(tokens, openingAngle(tokens, open - 1));
  return before.kind === "word" ? !BEFORE_ARROW.has(before.text) : before.kind === "string" || before.text === "]";
}

function openingAngle(tokens: readonly Token[], close: number): number {
  let depth = 0;
  for (let at = close; at > 0; at--) {
    if (tokens[at]!.text === ">") depth++;
    if (tokens[at]!.text === "<" && --depth === 0) return at;
  }
  return 0;
}

/** The index of the last token of the body that begins at `start`; undefined if there is none. */
function endOfBody(tokens: readonly Token[], closing: Int32Array, start: number, named: boolean): number | undefined {
  const next = tokens[start];
  if (next?.kind !== "punctuation") return undefined;
  if (next.text === "{" && named) return closing[start];
  if (next.text !== "=>" || named) return undefined;
  return tokens[start + 1]?.text === "{" ? closing[start + 1] : endOfExpression(tokens, closing, start + 1);
}

// A return type goes on to the brace of the body or, for an arrow function, to its arrow. A brace that follows an
// operator of types begins an object type; any other ends the type.
function skipType(tokens: readonly Token[], closing: Int32Array, start: number, named: boolean): number {
  const operators = new Set(["|", "&", "<", ",", ...(named ? ["=>"] : [])]);
  let angles = 0;
  for (let at = start; at < tokens.length; at++) {
    const { text, kind } = tokens[at]!;
    const isOperand = at === start || operators.has(tokens[at - 1]!.text) || tokens[at - 1]!.text === "is";
    if (kind === "word" || kind === "string" || kind === "template" || kind === "number") continue;
    if (text === "<") angles++;
    else if (text === ">") angles--;
    else if (text === "=>" && !named && angles === 0) return at;
    else if (text === "{" && !isOperand && angles === 0) return at;
    else if (closing[at]! >= 0) at = closing[at]!;
    else if (angles === 0 && !["|", "&", ".", "=>", "?", ":"].includes(text)) return at;
  }
  return tokens.length;
}

function endOfExpression(tokens: readonly Token[], closing: Int32Array, start: number): number {
  for (let at = start; at < tokens.length; at++) {
    if (closing[at]! >= 0) at = closing[at]!;
    else if (tokens[at]!.kind === "punctuation" && [",", ";", ")", "]", "}"].includes(tokens[at]!.text)) return at - 1;
    else if (tokens[at]!.kind === "template" && tokens[at]!.text.startsWith("}")) return at - 1;
  }
  return tokens.length - 1;
}
