// How keys and values are written on the command line, on a terminal and in JSON lines.
//
//   plain      UTF-8 in, raw bytes out
//   --hex      hexadecimal in and out
//   JSON       {"key":"…","value":"…"} in UTF-8, or hexadecimal with --hex; what is no UTF-8 becomes {"keyHex","valueHex"}

import { isUtf8 } from "node:buffer";
import { toBytes } from "../common/bytes.ts";
import { invalidArgument } from "../common/errors.ts";

/** A key or value as the user typed it. */
export function parseArgument(text: string, hex: boolean, what: string): Uint8Array {
  return hex ? parseHex(text, what) : Buffer.from(text);
}

export function parseHex(text: string, what: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw invalidArgument(`${what} is not hexadecimal`);
  return Buffer.from(text, "hex");
}

/** The bytes to print for a key or value. */
export function shown(bytes: Uint8Array, hex: boolean): Uint8Array {
  return hex ? Buffer.from(Buffer.from(bytes).toString("hex")) : bytes;
}

/** A key or value as text for people: what is not printable is escaped. */
export function readable(bytes: Uint8Array, hex: boolean): string {
  const buffer = Buffer.from(bytes);
  if (hex || !isUtf8(buffer)) return `0x${buffer.toString("hex")}`;
  return JSON.stringify(buffer.toString("utf8"));
}

export function jsonField(
  name: "key" | "value" | "end" | "start" | "from" | "after" | "upTo",
  bytes: Uint8Array,
  hex: boolean,
): Record<string, string> {
  const buffer = Buffer.from(bytes);
  if (hex) return { [name]: buffer.toString("hex") };
  return isUtf8(buffer) ? { [name]: buffer.toString("utf8") } : { [`${name}Hex`]: buffer.toString("hex") };
}

export type InputOperation =
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: Uint8Array };

/** One JSON line of load or batch; INVALID_ARGUMENT names the line. */
export function parseInputLine(line: string, number: number, hex: boolean, deletes: boolean): InputOperation {
  const fail = (problem: string): Error => invalidArgument(`line ${number}: ${problem}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw fail(`not JSON (${(error as Error).message})`);
  }
  if (!(parsed instanceof Object) || Array.isArray(parsed)) throw fail("not a JSON object");
  const fields = parsed as Record<string, unknown>;
  const known = deletes
    ? ["key", "value", "keyHex", "valueHex", "delete", "deleteHex"]
    : ["key", "value", "keyHex", "valueHex"];
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw fail(`unknown field ${JSON.stringify(unknown)}`);
  const bytes = (name: string): Uint8Array | undefined => fieldBytes(fields, name, hex, fail);
  const deleted = bytes("delete");
  const key = bytes("key");
  const value = bytes("value");
  if (deleted) {
    if (key || value) throw fail('"delete" stands alone');
    return { kind: "delete", key: deleted };
  }
  if (!key || !value) throw fail('"key" and "value" are needed');
  return { kind: "put", key, value };
}

function fieldBytes(
  fields: Record<string, unknown>,
  name: string,
  hex: boolean,
  fail: (problem: string) => Error,
): Uint8Array | undefined {
  const plain = fields[name];
  const encoded = fields[`${name}Hex`];
  if (plain !== undefined && encoded !== undefined) throw fail(`"${name}" and "${name}Hex" exclude each other`);
  const text = plain ?? encoded;
  if (text === undefined) return undefined;
  if (typeof text !== "string") throw fail(`"${name}" is not a string`);
  if (encoded !== undefined || hex) {
    if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw fail(`"${name}" is not hexadecimal`);
    return Buffer.from(text, "hex");
  }
  try {
    return toBytes(text, `"${name}"`);
  } catch (error) {
    throw fail((error as Error).message);
  }
}
