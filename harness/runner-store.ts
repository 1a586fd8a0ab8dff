import type { EngineStore } from "./engine.ts";
import { Failure } from "./failure.ts";
import { keyBytes } from "./keys.ts";
import type { StoreOp } from "./op.ts";
import { inspectStore, judgeStore, presentOf, type RunnerContext } from "./runner-context.ts";
import { codeOf } from "./runner-faults.ts";
import { windowNow } from "./runner-open.ts";
import type { Turns } from "./turns.ts";

type PlainStoreOp = Exclude<StoreOp, { kind: "reopen" | "settle" | "await" }>;

/** Everything that is done to a store as a whole, but closing and opening it. */
export function* runOnStore(context: RunnerContext, op: PlainStoreOp): Turns<void> {
  switch (op.kind) {
    case "flush":
    case "sync":
    case "compactRange":
      yield* makeDurable(context, op);
      break;
    case "step":
      context.watch.may("change", op.id, () => context.store.step(op.job));
      break;
    case "resume":
      yield* resumeStore(context, op.id);
      break;
    case "verify":
      verifyStore(context, op.id);
      break;
    case "checkpoint":
      yield* checkpointStore(context, op.name, op.id);
      break;
    case "openReadOnly":
      readOnly(context, op.id);
      break;
  }
}

/** Asks the store to verify itself; throws Failure for what it finds. */
export function verifyStore(context: RunnerContext, id: number | undefined): void {
  const { watch, store } = context;
  let problem: string | undefined;
  if (!watch.may("read", id, () => (problem = store.verify()[0]))) return;
  // A store that failed while it put a new manifest in place knows, and says, that CURRENT may name another one.
  const isKnown = watch.isTroubled && problem?.startsWith("CURRENT ") === true;
  if (problem !== undefined && !isKnown) throw new Failure("C15", `verify: ${problem}`, id);
  if (!watch.isTroubled) inspectStore(context, id);
}

/** True if the store says it is well again; then the writes that failed are decided. */
export function* resumeStore(context: RunnerContext, id: number | undefined): Turns<boolean> {
  const { watch, store, oracle, flight } = context;
  const stopped = watch.mustStop;
  const injected = watch.injected;
  const isWell = !watch.isTroubled;
  const resumed = watch.may("change", id, () => store.resume());
  yield* flight.turn();
  if (!resumed) return false;
  if (!watch.world || (isWell && !watch.world.look)) return true;
  yield* flight.drain();
  if (stopped) throw new Failure("C20", "resume() returned although a sync of the store failed", id);
  watch.sound(injected);
  const { tail } = windowNow(context);
  const verdict = watch.aside(() => judgeStore(context, store, { ...presentOf(oracle), tail }, id));
  if (verdict && tail.length > 0) oracle.adopt(verdict, "resume");
  return true;
}

function* makeDurable(
  { store, watch, oracle, flight }: RunnerContext,
  op: Extract<PlainStoreOp, { kind: "flush" | "sync" | "compactRange" }>,
): Turns<void> {
  const stopped = watch.mustStop;
  const done = watch.may("change", op.id, () => {
    if (op.kind === "flush") store.flush();
    else if (op.kind === "sync") store.sync();
    else {
      const { from, to } = op;
      store.compactRange(from === undefined ? undefined : keyBytes(from), to === undefined ? undefined : keyBytes(to));
    }
  });
  yield* flight.turn();
  // A range that is upside down asks for nothing.
  if (op.kind === "compactRange" && op.from !== undefined && op.to !== undefined && op.from > op.to) return;
  if (!done) return;
  if (stopped) throw new Failure("C20", `${op.kind} returned although a sync of the store failed before`, op.id);
  oracle.durable();
}

function* checkpointStore(context: RunnerContext, name: string, id: number): Turns<void> {
  const { engine, directory, store, watch, flight } = context;
  const target = `${directory}.${name}`;
  const done = watch.may("change", id, () => store.checkpoint(target));
  yield* flight.turn();
  if (done) {
    watch.aside(() => {
      const copy = engine.open(target, context.config, { create: false });
      checkCopy(context, copy, id);
      engine.destroy(target);
    });
  } else watch.aside(() => afterFailedCheckpoint(context, target, id));
}

function checkCopy(context: RunnerContext, copy: EngineStore, id: number): void {
  const { engine, oracle } = context;
  try {
    judgeStore(context, copy, presentOf(oracle), id);
    const problem = engine.capabilities.has("verify") ? copy.verify()[0] : undefined;
    if (problem !== undefined) throw new Failure("C15", `verify of a checkpoint: ${problem}`, id);
  } finally {
    copy.close();
  }
}

// What is there under the name is a whole checkpoint, and stands in the way of another; or nothing is, and another works.
function afterFailedCheckpoint(context: RunnerContext, target: string, id: number): void {
  const { engine, store, watch } = context;
  let copy = copyAt(context, target);
  const there = copy !== undefined;
  if (copy) checkCopy(context, copy, id);
  try {
    store.checkpoint(target);
    if (there) throw new Failure("C8", `checkpoint() wrote over ${target}`, id);
    copy = copyAt(context, target);
    if (!copy) throw new Failure("C8", `checkpoint() returned, but ${target} does not open`, id);
    checkCopy(context, copy, id);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = codeOf(error);
    const allowed = there ? code === "TINYKV_EXISTS" : false;
    if (!allowed && !(code === "TINYKV_BACKGROUND_ERROR" && watch.isTroubled))
      throw new Failure("C8", `checkpoint() again threw ${String(error)}`, id, { cause: error });
  }
  if (copy) engine.destroy(target);
}

function copyAt({ engine, config }: RunnerContext, target: string): EngineStore | undefined {
  try {
    return engine.open(target, config, { create: false });
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

function readOnly(context: RunnerContext, id: number): void {
  const { engine, directory, oracle, watch, flight } = context;
  let reader: EngineStore | undefined;
  watch.may("read", id, () => (reader = engine.open(directory, context.config, { readOnly: true })));
  if (!reader) return;
  const opened = reader;
  try {
    const window = watch.world || flight.count > 0 ? windowNow(context) : presentOf(oracle);
    watch.may("read", id, () => judgeStore(context, opened, window, id));
  } finally {
    watch.may("close", id, () => opened.close());
  }
}
