// The protocol by which the harness talks to an engine in a process of its own: a JSON object a line each way, keys and
// values in lower-case hex, answers in the order of the requests. docs/engines.md is its specification.

import type { Capability } from "../../capabilities.ts";
import type { Durability } from "../../oracle.ts";

export const PROTOCOL_VERSION = 1;

/** The longest line of either side, its end included. */
export const LINE_BYTES_MOST: number = 64 << 20;

/** What a driver may say that its engine can do. */
export const STDIO_CAPABILITIES = ["batch", "scan", "reverse", "snapshot", "sync", "flush", "compact"] as const;
export type StdioCapability = (typeof STDIO_CAPABILITIES)[number] & Capability;

/** The protocol's word for "no such key": JSON's null, which TypeScript code here has no other use for. */
export const NO_VALUE: unknown = JSON.parse("null");

export type StdioChange = readonly ["put", key: string, value: string] | readonly ["delete", key: string];

export interface StdioRange {
  readonly gte?: string;
  readonly gt?: string;
  readonly lt?: string;
  readonly lte?: string;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** A request without its id. */
export type StdioRequest =
  | { readonly op: "open"; readonly dir: string; readonly options: Readonly<Record<string, unknown>> }
  | { readonly op: "put"; readonly key: string; readonly value: string; readonly sync: boolean }
  | { readonly op: "delete"; readonly key: string; readonly sync: boolean }
  | { readonly op: "batch"; readonly ops: readonly StdioChange[]; readonly sync: boolean }
  | { readonly op: "get" | "has"; readonly key: string; readonly snapshot?: string }
  | ({ readonly op: "scan"; readonly snapshot?: string } & StdioRange)
  | { readonly op: "snapshot" | "release"; readonly name: string }
  | { readonly op: "sync" | "flush" | "compact" | "close" };

export interface StdioOpened {
  readonly protocol: number;
  readonly capabilities: readonly StdioCapability[];
  readonly durability: Durability;
}

export type StdioReply =
  | { readonly id: number; readonly ok: true; readonly value?: unknown; readonly entries?: unknown }
  | { readonly id: number; readonly ok: false; readonly code: string; readonly message: string };

/** A driver broke the protocol: its fault, or that of the wire, and no answer about the engine. */
export class ProtocolError extends Error {}

/** An engine refused a request, in its driver's words. */
export class DriverError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** What a driver says on open. Throws ProtocolError. */
export function parseOpened(reply: StdioReply): StdioOpened {
  const { protocol, capabilities, durability } = reply as Partial<StdioOpened>;
  if (protocol !== PROTOCOL_VERSION)
    throw new ProtocolError(`the driver speaks protocol ${String(protocol)}, the harness ${PROTOCOL_VERSION}`);
  const known: readonly string[] = STDIO_CAPABILITIES;
  if (!Array.isArray(capabilities) || !capabilities.every((name) => known.includes(name as string)))
    throw new ProtocolError(`capabilities are ${JSON.stringify(capabilities)}, not a list of ${known.join(", ")}`);
  if (!isDurability(durability))
    throw new ProtocolError(
      `durability is ${JSON.stringify(durability)}, not {"sync":"power"|"kill"|"none","noSync":"kill"|"none"}`,
    );
  return { protocol, capabilities, durability };
}

/** Bytes of hex text. Throws ProtocolError: Buffer.from would silently stop at what is no digit. */
export function fromHex(text: unknown): Buffer {
  if (typeof text === "string" && text.length % 2 === 0 && /^[\da-f]*$/.test(text)) return Buffer.from(text, "hex");
  throw new ProtocolError(`${JSON.stringify(text)?.slice(0, 80)} is not lower-case hex`);
}

function isDurability(value: unknown): value is Durability {
  const { sync, noSync } = (value ?? {}) as Partial<Record<string, unknown>>;
  return (sync === "power" || sync === "kill" || sync === "none") && (noSync === "kill" || noSync === "none");
}
