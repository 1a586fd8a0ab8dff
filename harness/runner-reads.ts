import { expectEntries, expectValue, type About } from "./compare.ts";
import type { EngineSnapshot } from "./engine.ts";
import { toRange } from "./engine-calls.ts";
import { Failure } from "./failure.ts";
import { keyBytes, type Key } from "./keys.ts";
import type { ReadOp, ScanOptions } from "./op.ts";
import { about, type RunnerContext } from "./runner-context.ts";
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
    case "get":
      return expectValue(about(op, "get"), op.key, store.get(keyBytes(op.key)), oracle.model.get(op.key));
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
  { store, oracle }: RunnerContext,
  options: ScanOptions,
  what: About,
  live: LiveSnapshot | undefined,
): void {
  const expected = oracle.model.scan(options, live?.state);
  expectEntries(what, store.scan(toRange(options), live?.snapshot), expected, options.only);
}

function runHas({ store, oracle }: RunnerContext, id: number, key: Key): void {
  const expected = oracle.model.get(key) !== undefined;
  const found = store.has(keyBytes(key));
  if (found !== expected)
    throw new Failure("C8", `has of ${JSON.stringify(key)} gave ${found}, the model has ${expected}`, id);
}

function runGetMany({ store, oracle }: RunnerContext, id: number, keys: readonly Key[]): void {
  const values = store.getMany(keys.map(keyBytes));
  if (values.length !== keys.length)
    throw new Failure("C8", `getMany of ${keys.length} keys gave ${values.length} values`, id);
  keys.forEach((key, i) =>
    expectValue({ condition: "C8", op: id, what: "getMany" }, key, values[i], oracle.model.get(key)),
  );
}
