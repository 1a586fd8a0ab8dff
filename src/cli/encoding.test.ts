import { expect, test } from "vitest";
import { jsonField, parseArgument, parseInputLine, readable, type InputOperation } from "./encoding.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

function shownOperation(operation: InputOperation): string {
  const hex = (part: Uint8Array): string => Buffer.from(part).toString("hex");
  return operation.kind === "put" ? `${hex(operation.key)}=${hex(operation.value)}` : `-${hex(operation.key)}`;
}

test.each([
  ['{"key":"é","value":""}', false, "c3a9="],
  ['{"keyHex":"00Ff","value":"a"}', false, "00ff=61"],
  ['{"key":"00ff","value":"61"}', true, "00ff=61"],
  ['{"delete":"a"}', false, "-61"],
  ['{"deleteHex":""}', false, "-"],
])("the line %s, hexadecimal %s, is %s", (line, hex, operation) => {
  expect(shownOperation(parseInputLine(line, 1, hex, true))).toBe(operation);
});

test.each([
  ["nonsense", /not JSON/],
  ["[1]", /not a JSON object/],
  ["null", /not a JSON object/],
  ['{"key":"a","value":"1","ttl":"5"}', /unknown field "ttl"/],
  ['{"key":1,"value":"1"}', /"key" is not a string/],
  ['{"key":"a","keyHex":"61","value":"1"}', /"key" and "keyHex" exclude each other/],
  ['{"keyHex":"6","value":"1"}', /"key" is not hexadecimal/],
  ['{"keyHex":"6g","value":"1"}', /"key" is not hexadecimal/],
  ['{"key":"a"}', /"key" and "value" are needed/],
  ['{"delete":"a","key":"a","value":"1"}', /"delete" stands alone/],
  [String.raw`{"key":"\ud800","value":"1"}`, /"key" has a lone surrogate/],
  [String.raw`{"key":"a","value":"\udc00"}`, /"value" has a lone surrogate/],
])("the line %s is refused by its number", (line, problem) => {
  const parse = (): unknown => parseInputLine(line, 12, false, true);
  expect(parse).toThrow(expect.objectContaining({ code: "TINYKV_INVALID_ARGUMENT" }));
  expect(parse).toThrow(/^line 12: /);
  expect(parse).toThrow(problem);
});

test("load knows no deletes", () => {
  expect(() => parseInputLine('{"delete":"a"}', 1, false, false)).toThrow(/unknown field "delete"/);
});

test("what jsonField writes parseInputLine reads, for every pair of bytes", () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const pair = Uint8Array.of(first, second);
      for (const hex of [false, true]) {
        const line = JSON.stringify({ ...jsonField("key", pair, hex), ...jsonField("value", pair, hex) });
        const operation = parseInputLine(line, 1, hex, false);
        if (Buffer.compare(operation.key, pair) !== 0) expect([line, operation.key]).toEqual([line, pair]);
      }
    }
  }
});

test("what is no UTF-8 is shown in hexadecimal", () => {
  expect(readable(bytes('a"\t'), false)).toBe('"a\\"\\t"');
  expect(readable(bytes("\xff"), false)).toBe("0xff");
  expect(readable(bytes("a"), true)).toBe("0x61");
  expect(() => parseArgument("abc", true, "key")).toThrow(/key is not hexadecimal/);
});
