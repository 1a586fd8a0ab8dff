// Words of an op log: printable ASCII without spaces, everything else escaped, reversible.
//
//   \xHH      one byte
//   \*N.HH    the byte HH, N times over (long keys stay readable)
//   \e        the empty string, when it is the whole word

/** Runs of one byte from this length on are written as a count: shorter ones are not longer than the escape by much. */
const RUN_MIN = 16;

const PLAIN = /^[!-[\]-~]+$/;
const LONG_RUN = /(.)\1{15,}|[^!-[\]-~]/gs;
const ESCAPES = /\\(?:x([0-9a-f]{2})|\*([1-9][0-9]{0,9})\.([0-9a-f]{2}))|(\\)/g;

/** A run longer than this is no key of any workload: a mangled log must not ask for gigabytes. */
const RUN_MAX = 1 << 24;

/** A string of bytes (U+0000 to U+00FF) as one word. */
export function escapeBytes(text: string): string {
  if (text.length === 0) return "\\e";
  if (text.length < RUN_MIN && PLAIN.test(text)) return text;
  return text.replace(LONG_RUN, (run) => {
    const byte = hexByte(run.charCodeAt(0));
    return run.length >= RUN_MIN ? `\\*${run.length}.${byte}` : `\\x${byte}`;
  });
}

/** The string that escapeBytes made `word` of; undefined for a word it cannot have made. */
export function unescapeBytes(word: string): string | undefined {
  if (word === "\\e") return "";
  if (word.length === 0 || /[^!-~]/.test(word)) return undefined;
  if (!word.includes("\\")) return word;
  let bad = false;
  const text = word.replace(ESCAPES, (_, byte?: string, count?: string, repeated?: string) => {
    if (byte !== undefined) return fromHex(byte);
    if (repeated !== undefined && Number(count) <= RUN_MAX) return fromHex(repeated).repeat(Number(count));
    bad = true;
    return "";
  });
  return bad ? undefined : text;
}

/** Any text as one word, by way of its UTF-8 bytes. */
export function escapeText(text: string): string {
  return escapeBytes(Buffer.from(text, "utf8").toString("latin1"));
}

export function unescapeText(word: string): string | undefined {
  const bytes = unescapeBytes(word);
  return bytes === undefined ? undefined : Buffer.from(bytes, "latin1").toString("utf8");
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function fromHex(byte: string): string {
  return String.fromCharCode(parseInt(byte, 16));
}
