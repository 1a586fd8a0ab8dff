// The oracle and the model: small histories, and what a crash may leave of them.

import { keyBytes } from "../../keys.ts";
import type { WriteOp } from "../../op.ts";
import { Oracle, type Ticket } from "../../oracle.ts";
import { expandValue, type ValueRef } from "../../values.ts";
import type { Check } from "./check.ts";

const BYTES = 40;

/** The writes of the histories: put a (1), put a (2), put b (3); a batch of c and d (4); a deleted (7). */
const value = (id: number): ValueRef => ({ incarnation: 0, id, length: BYTES });
const put = (id: number, key: string, sync: boolean): WriteOp => ({ id, kind: "put", key, value: value(id), sync });

type State = Readonly<Record<string, number>>;

function entriesOfState(state: State): [Uint8Array, Uint8Array][] {
  return Object.entries(state)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, id]) => [keyBytes(key), expandValue(key, value(id))]);
}

interface History {
  readonly law: string;
  play(oracle: Oracle): void;
  /** What a power cut may leave, and what it may not. */
  readonly power: readonly State[];
  readonly notPower: readonly State[];
  readonly kill?: readonly State[];
  readonly notKill?: readonly State[];
}

function returned(oracle: Oracle, op: WriteOp): void {
  oracle.returned(oracle.issue(op));
}

const BATCH: WriteOp = {
  id: 4,
  kind: "batch",
  sync: false,
  changes: [
    { kind: "put", key: "c", value: value(5) },
    { kind: "put", key: "d", value: value(6) },
  ],
};

const HISTORIES: readonly History[] = [
  {
    law: "a sync write that returned survives power loss, one without may be lost",
    play(oracle) {
      returned(oracle, put(1, "a", true));
      returned(oracle, put(2, "a", false));
    },
    power: [{ a: 1 }, { a: 2 }],
    notPower: [{}, { a: 3 }, { a: 1, b: 2 }],
    kill: [{ a: 2 }],
    notKill: [{}, { a: 1 }],
  },
  {
    law: "a write in flight has happened or not, as it was issued",
    play(oracle) {
      returned(oracle, put(1, "a", true));
      oracle.issue(put(2, "a", true));
    },
    power: [{ a: 1 }, { a: 2 }],
    notPower: [{}, { a: 9 }, { a: 1, b: 2 }],
    kill: [{ a: 1 }, { a: 2 }],
    notKill: [{}],
  },
  {
    law: "what is left is a prefix, without a hole",
    play(oracle) {
      returned(oracle, put(1, "a", false));
      returned(oracle, put(3, "b", false));
    },
    power: [{}, { a: 1 }, { a: 1, b: 3 }],
    notPower: [{ b: 3 }],
  },
  {
    law: "a batch is all or nothing",
    play: (oracle) => returned(oracle, BATCH),
    power: [{}, { c: 5, d: 6 }],
    notPower: [{ c: 5 }, { d: 6 }],
  },
  {
    law: "flush, sync and close make everything durable",
    play(oracle) {
      returned(oracle, put(1, "a", false));
      oracle.durable();
    },
    power: [{ a: 1 }],
    notPower: [{}],
  },
  {
    law: "what was overwritten or deleted does not come back",
    play(oracle) {
      returned(oracle, put(1, "a", true));
      returned(oracle, put(2, "a", true));
      returned(oracle, { id: 7, kind: "delete", key: "a", sync: true });
    },
    power: [{}],
    notPower: [{ a: 1 }, { a: 2 }],
  },
  {
    law: "a write that failed has happened or not",
    play(oracle) {
      returned(oracle, put(1, "a", true));
      oracle.failed(oracle.issue(put(2, "a", true)));
    },
    power: [{ a: 1 }, { a: 2 }],
    notPower: [{}],
  },
  {
    law: "a write that was refused has not happened",
    play(oracle) {
      returned(oracle, put(1, "a", true));
      oracle.refused(oracle.issue(put(2, "a", true)));
    },
    power: [{ a: 1 }],
    notPower: [{}, { a: 2 }],
  },
];

export const ORACLE_CHECKS: readonly Check[] = [
  ...HISTORIES.map((history): Check => ({ group: "oracle", law: history.law, run: () => historyProblem(history) })),
  { group: "oracle", law: "what a failed write was decided to be it stays", run: decidedProblem },
  { group: "oracle", law: "reads beside writes in flight never go back", run: observedProblem },
  { group: "oracle", law: "a value that nobody wrote is none", run: foreignProblem },
];

function historyProblem({ play, power, notPower, kill = [], notKill = [] }: History): string | undefined {
  const oracle = new Oracle();
  play(oracle);
  const wrong = (loss: "power" | "kill", state: State, allowed: boolean): string | undefined => {
    const { ok } = oracle.judge(oracle.window(loss), entriesOfState(state));
    return ok === allowed ? undefined : `${loss} ${JSON.stringify(state)} is ${ok ? "allowed" : "not allowed"}`;
  };
  const verdicts = [
    ...power.map((state) => wrong("power", state, true)),
    ...notPower.map((state) => wrong("power", state, false)),
    ...kill.map((state) => wrong("kill", state, true)),
    ...notKill.map((state) => wrong("kill", state, false)),
  ];
  return verdicts.find((verdict) => verdict !== undefined);
}

function decidedProblem(): string | undefined {
  const oracle = new Oracle();
  returned(oracle, put(1, "a", true));
  oracle.failed(oracle.issue(put(2, "a", true)));
  const verdict = oracle.judge(oracle.window("kill"), entriesOfState({ a: 1 }));
  if (!verdict.ok) return "the write may not have failed";
  oracle.adopt(verdict, "open");
  const later = oracle.judge(oracle.window("power"), entriesOfState({ a: 2 }));
  if (later.ok) return "it came back";
  return later.violation.condition === "C19" ? undefined : `it came back as ${later.violation.condition}`;
}

function observedProblem(): string | undefined {
  const oracle = new Oracle();
  const tickets: Ticket[] = [oracle.issue(put(1, "a", true)), oracle.issue(put(2, "a", true))];
  if (oracle.observe((q) => q === 2) !== 2) return "a write in flight cannot be seen";
  if (oracle.observe((q) => q === 1) !== undefined) return "a read went back";
  oracle.returned(tickets[0]!);
  return undefined;
}

function foreignProblem(): string | undefined {
  const oracle = new Oracle();
  returned(oracle, put(1, "a", false));
  const mixed = expandValue("b", value(1));
  const { ok } = oracle.judge(oracle.window("power"), [[keyBytes("a"), mixed]]);
  return ok ? "the value of another key is taken" : undefined;
}
