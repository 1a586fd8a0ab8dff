// The harness's own format: op logs, as text.

import {
  generate,
  OpLogError,
  parseOpLog,
  printOp,
  printOpLog,
  WORKLOADS,
  type OpLog,
  type Random,
} from "tinykv/harness";
import { isDeepStrictEqual } from "node:util";
import { Drafter } from "../draft.ts";
import { demand, type Target } from "../target.ts";

/** Each form of each operation: no workload draws all of them. */
const FORMS = [
  "put a 0.1.4 sync",
  "delete a",
  "deleteRange a b",
  "batch sync put a 0.1.20 delete b deleteRange c d",
  "putAsync t1 a 0.1.20 sync",
  "deleteAsync t1 a",
  "writeAsync t1 sync put a 0.1.20 delete b deleteRange a c",
  "settle 1 fail",
  "await t1",
  "get a",
  "has a",
  "getMany a b",
  "scan gt=a lte=b limit=3 reverse keys",
  "snapshot s1",
  "snapshotGet s1 a",
  "snapshotScan s1 gte=a lt=b prefix=a values",
  "release s1",
  "cursorOpen c1 snapshot=s1 lower=a upper=\\*20.61",
  "cursorMove c1 next",
  "cursorMove c1 seekForPrev \\e",
  "cursorClose c1",
  "crash kill all",
  "crash power none",
  "crash power seed=7",
  "crash kill at=3 call=log.write nth=0 when=before keep newest\\x20log",
  "crash power at=3 call=write nth=2 when=after lose size\\x20of\\x20it",
  "fault write 2 part EIO once",
  "fault rename 0 none ENOSPC forever",
  "flush",
  "compactRange from=a to=b",
  "step",
  "step 3",
  "sync",
  "checkpoint one",
  "verify",
  "reopen small",
  "openReadOnly",
  "resume",
];

export const opLogTarget: Target = {
  name: "op-log",
  modules: ["harness/op-log", "harness/op-parse", "harness/op-words", "harness/op-line", "harness/tokens"],
  bytesMax: 1024,
  memory: "sum",
  isLegal: (error) => error instanceof OpLogError && error.line >= 1,
  seed: seedOpLog,
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectText(drafter, bytes));
  },
  run(bytes) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const log = parseOpLog(text);
    for (let i = 1; i < log.ops.length; i++) demand(log.ops[i - 1]!.id < log.ops[i]!.id, "ids rise");
    const printed = printOpLog(log);
    if (printed === text) return;
    const again: OpLog = parseOpLog(printed);
    demand(isDeepStrictEqual(again, log), "what is printed is parsed to the same");
    demand(printOpLog(again) === printed, "a log has one printed form");
  },
};

function seedOpLog(random: Random): Uint8Array {
  const workload = random.pick(WORKLOADS);
  const ops = [...generate({ seed: String(random.int(2 ** 31)), workload, ops: random.between(1, 4) })];
  const header = { seed: "1", workload, config: "a b", engine: "tinykv", versions: "node:20" };
  const log = printOpLog({ header, ops });
  const lines = ops.map(printOp).filter((line) => line.length < 200);
  const forms = Array.from({ length: random.int(5) }, (_, i) => `${1_000_000 + i} ${random.pick(FORMS)}`);
  return Buffer.from([log.slice(0, log.indexOf("\n")), ...lines, ...forms, ""].join("\n"), "latin1");
}

/** Words are pieces, with what ends them; lines are elements of one list. */
function dissectText(drafter: Drafter, bytes: Uint8Array): void {
  const list = drafter.newList();
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      for (let isEnd = false; !isEnd && drafter.remaining > 0;) {
        let length = 0;
        while (length < drafter.remaining && !isSeparator(bytes[drafter.position + length]!)) length++;
        drafter.bytes(length);
        isEnd = drafter.remaining > 0 && drafter.bytes(1)[0] === NEWLINE;
      }
    });
  }
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

function isSeparator(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE;
}
