// CURRENT, and the names of files.

import {
  decodeCurrent,
  encodeCurrent,
  logName,
  lostNumber,
  manifestName,
  parseFileName,
  tableName,
} from "tinykv/formats";
import { Drafter } from "../draft.ts";
import { demand, misplacedIn, sameBytes, type Target } from "../target.ts";
import { integerOf } from "./values.ts";

const FILE = "CURRENT";

/** The digits of the checksum and the line's end. */
const CHECKSUM_DIGITS = 8;

/** The fields of CURRENT, in a larger draft or alone. */
export function dissectCurrent(drafter: Drafter): void {
  const from = drafter.next;
  const nameLength = drafter.remaining - CHECKSUM_DIGITS - 2;
  drafter.bytes("MANIFEST-".length);
  drafter.bytes(nameLength - "MANIFEST-".length);
  const to = drafter.next;
  drafter.bytes(1);
  const digits = Buffer.from(drafter.bytes(CHECKSUM_DIGITS)).toString("latin1");
  drafter.retype(to + 1, "hex", Number.parseInt(digits, 16) || 0);
  drafter.link(to + 1, { kind: "checksum", from, to, tag: -1, origin: from, placed: false });
}

export const currentTarget: Target = {
  name: "current",
  modules: ["src/lsm/file-names"],
  bytesMax: 96,
  memory: "sum",
  misplaced: misplacedIn(FILE, 0),
  seed: (random) => Uint8Array.from(encodeCurrent(Math.max(1, integerOf(random)))),
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectCurrent(drafter));
  },
  run(bytes) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    checkName(text);
    checkName(text.slice(0, Math.max(0, text.indexOf(" "))));
    demand(sameBytes(encodeCurrent(decodeCurrent(bytes)), bytes), "CURRENT has one form");
  },
};

// A name counts only if it is the one that its number is given.
function checkName(name: string): void {
  const parsed = parseFileName(name);
  const lost = lostNumber(`${name}-0`);
  if (!("number" in parsed)) {
    demand(lost === undefined, "what has no number has none in lost/");
    return;
  }
  const { kind, number } = parsed;
  const canonical = kind === "manifest" ? manifestName(number) : kind === "log" ? logName(number) : tableName(number);
  demand(canonical === name && lost === number, "a number has one name");
  demand(number > 0 && Number.isSafeInteger(number), "file numbers start at 1");
}
