import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyKey, anyOps } from "./arbitraries.ts";
import { OP_KINDS } from "./op.ts";
import { OpLogError, parseOpLog, printOpLog } from "./op-log.ts";
import { printOp } from "./op-line.ts";
import { parseOp } from "./op-parse.ts";
import { escapeBytes, escapeText, unescapeBytes, unescapeText } from "./tokens.ts";

const HEADER = { seed: "7", workload: "mixed", config: "small", engine: "tinykv", versions: "node:20" };
const FIRST_LINE = "# tinykv-ops v1 seed=7 workload=mixed config=small engine=tinykv versions=node:20";

test("an op log is its text: parsing what was printed gives it back", () => {
  fc.assert(
    fc.property(anyOps(anyKey()), fc.string({ unit: "binary" }), (ops, seed) => {
      const log = { header: { ...HEADER, seed }, ops };
      expect(parseOpLog(printOpLog(log))).toEqual(log);
    }),
    { numRuns: 300 },
  );
});

test("every subsequence of an op log is an op log", () => {
  fc.assert(
    fc.property(anyOps(), fc.infiniteStream(fc.boolean()), (ops, keep) => {
      const kept = ops.filter(() => keep.next().value);
      const lines = printOpLog({ header: HEADER, ops: kept });
      expect(parseOpLog(lines).ops).toEqual(kept);
    }),
    { numRuns: 100 },
  );
});

test("keys of any bytes are one printable word", () => {
  fc.assert(
    fc.property(anyKey(40), fc.nat({ max: 70_000 }), (key, repeats) => {
      for (const bytes of [key, key + "\0".repeat(repeats), "x".repeat(repeats) + key, "\\".repeat(repeats % 40)]) {
        const word = escapeBytes(bytes);
        expect(word).toMatch(/^[!-~]+$/);
        expect(unescapeBytes(word)).toBe(bytes);
      }
    }),
  );
  for (let byte = 0; byte < 256; byte++) {
    const key = String.fromCharCode(byte);
    expect(unescapeBytes(escapeBytes(key))).toBe(key);
  }
});

test("texts of any characters are one printable word", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(escapeText(text)).toMatch(/^[!-~]+$/);
      expect(unescapeText(escapeText(text))).toBe(text);
    }),
  );
});

test("an escape that cannot have been printed is refused", () => {
  for (const word of [
    "",
    "\\",
    "a\\",
    "\\x4",
    "\\x4G",
    "\\q",
    "a b",
    "\n",
    "\\*0.61",
    "\\*5",
    "\\*99999999999.61",
    "a\\e",
  ]) {
    expect([word, unescapeBytes(word)]).toEqual([word, undefined]);
  }
});

test("the lines of a log read as documented", () => {
  const lines = [
    "1 put a\\x00 0.1.100 sync",
    "2 delete \\e",
    "3 deleteRange a b sync",
    "4 batch sync put k 0.5.16 delete k deleteRange a b",
    "6 getMany",
    "7 scan gte=a lt=b= limit=0 reverse keys",
    "8 cursorOpen c1 snapshot=s1 lower=a",
    "9 cursorMove c1 seek next",
    "10 putAsync t1 sync 0.10.3 sync",
    "11 settle 2 fail",
    "12 step",
    "13 reopen small,blockSize=64",
    "14 crash power at=15 call=log.write nth=0 when=inside lose directory\\x20entry",
    "15 fault write 3 part ENOSPC forever",
    "16 put \\*20.61 0.16.0",
  ];
  for (const line of lines) expect(printOp(parseOp(line))).toBe(line);
  expect(parseOp(lines[5]!)).toEqual({
    id: 7,
    kind: "scan",
    gte: "a",
    lt: "b=",
    limit: 0,
    reverse: true,
    only: "keys",
  });
});

test("comments and empty lines are passed over, ids must rise", () => {
  const ops = parseOpLog(`${FIRST_LINE}\n\n# a comment\n3 flush\r\n9 sync\n`).ops;
  expect(ops.map((op) => op.id)).toEqual([3, 9]);
  expect(() => parseOpLog(`${FIRST_LINE}\n3 flush\n3 sync\n`)).toThrow("line 3: id 3 after id 3: ids must rise");
});

test("a line that is not understood is refused by its number", () => {
  const bad = [
    "x flush",
    "-1 flush",
    "1.5 flush",
    "1",
    "1 unknown",
    "1 put",
    "1 put k",
    "1 put k 0.1",
    "1 put k 0.1.-1",
    "1 put k 0.1.99999999999",
    "1 put k 0.1.5 synced",
    "1 put k 0.1.5 sync sync",
    "1  flush",
    "1 flush ",
    "1 get \\x4",
    "1 scan reverse gte=a",
    "1 scan limit=-1",
    "1 snapshot a/b",
    "1 cursorMove c sideways",
    "1 cursorMove c seek",
    "1 batch put k",
    "1 batch has k",
    "1 settle 0 maybe",
    "1 crash power",
    "1 crash power at=3 none",
    "1 fault write 0 none EIO",
  ];
  for (const line of bad) {
    const text = `${FIRST_LINE}\n0 flush\n${line}\n`;
    const thrown = thrownBy(() => parseOpLog(text));
    expect([line, thrown instanceof OpLogError && thrown.line]).toEqual([line, 3]);
  }
});

test("a file that is no op log, or of another version, is refused", () => {
  for (const text of ["", "1 put a 0.1.1", "# tinykv-ops v2 seed=1", "# tinykv-ops", `${FIRST_LINE} more=1`]) {
    expect(() => parseOpLog(text)).toThrow(OpLogError);
  }
});

test("the list of kinds names every kind of operation once", () => {
  expect(new Set(OP_KINDS).size).toBe(OP_KINDS.length);
  const drawn = new Set(
    fc
      .sample(anyOps(), { numRuns: 400, seed: 1 })
      .flat()
      .map((op) => op.kind),
  );
  expect([...drawn].sort()).toEqual([...OP_KINDS].sort());
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
