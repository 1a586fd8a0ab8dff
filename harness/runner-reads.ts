import { expectEntries, expectValue, type About } from "./compare.ts";
import type { EngineEntry, EngineSnapshot } from "./engine.ts";
import { toRange } from "./engine-calls.ts";
import { Failure } from "./failure.ts";
import { keyBytes, type Key } from "./keys.ts";
import type { ReadOp, ScanOptions } from "./op.ts";
import { about, expectNow, type RunnerContext } from "./runner-context.ts";
import { unreachable } from "./unreachable.ts";

/** A snapshot and the state of the model that it shows. */
export interface LiveSnapshot {
  readonly snapshot: EngineSnapshot;
  readonly state: number;
}

/** A read of the present, compared with the model. */
export function runRead(context: RunnerContext, op: ReadOp): void {
  const { store, oracle } = context;
  switch (op.kind) {
    case "get": {
      const found = store.get(keyBytes(op.key));
      expectNow(context, (state) => expectValue(about(op, "get"), op.key, found, oracle.model.get(op.key, state)));
      return;
    }
    case "has":
      return runHas(context, op.id, op.key);
    case "getMany":
      return runGetMany(context, op.id, op.keys);
    case "scan":
      return runScan(context, op, about(op, "scan"), undefined);
    default:
      return unreachable(op);
  }
}

/** A scan of the present, or of a snapshot. */
export function runScan(
  context: RunnerContext,
  options: ScanOptions,
  what: About,
  live: LiveSnapshot | undefined,
): void {
  const { store, oracle, flight } = context;
  const entries = store.scan(toRange(options), live?.snapshot);
  const compare = (found: Iterable<EngineEntry>, state?: number): void =>
    expectEntries(what, found, oracle.model.walk(options, state), options.only);
  if (live || flight.count === 0) return compare(entries, live?.state);
  const found = [...entries];
  expectNow(context, (state) => compare(found, state));
}

function runHas(context: RunnerContext, id: number, key: Key): void {
  const { store, oracle } = context;
  const found = store.has(keyBytes(key));
  expectNow(context, (state) => {
    const expected = oracle.model.get(key, state) !== undefined;
    if (found !== expected)
      throw new Failure("C8", `has of ${JSON.stringify(key)} gave ${found}, the model has ${expected}`, id);
  });
}

function runGetMany(context: RunnerContext, id: number, keys: readonly Key[]): void {
  const { store, oracle } = context;
  const values = store.getMany(keys.map(keyBytes));
  if (values.length !== keys.length)
    throw new Failure("C8", `getMany of ${keys.length} keys gave ${values.length} values`, id);
  const what = { condition: "C8", op: id, what: "getMany" } as const;
  expectNow(context, (state) => {
    keys.forEach((key, i) => expectValue(what, key, values[i], oracle.model.get(key, state)));
  });
}
