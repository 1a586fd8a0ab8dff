// The bound on memory: every allocation of bytes goes through a constructor or function that is counted here, before it is
// made. A decoder that is about to take more than its input justifies is stopped, and the excess remembered, should it
// catch what stopped it.

/** C22: 16 × the size of what is read, and 1 MiB. */
export function bytesJustified(length: number): number {
  return 16 * length + (1 << 20);
}

/** What a decoder meets that asks for too much. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
}

let taken = 0;
let largest = 0;
let limit = Infinity;
let kind: "sum" | "largest" = "sum";
let excess: number | undefined;

/** From here on no more than `most` bytes are taken, together or at once. */
export function beginCounting(most: number, what: "sum" | "largest"): void {
  taken = 0;
  largest = 0;
  limit = most;
  kind = what;
  excess = undefined;
}

/** Nothing is bounded any more; the number of bytes that was too many, undefined if none was. */
export function endCounting(): number | undefined {
  limit = Infinity;
  return excess;
}

function count(bytes: number): void {
  taken += bytes;
  if (bytes > largest) largest = bytes;
  const counted = kind === "sum" ? taken : largest;
  if (!(counted > limit)) return;
  excess ??= counted;
  throw new AllocationError(`${counted} bytes taken, ${limit} justified`);
}

/** A byte a character is the least that a string takes. */
const REPEATED = "repeat";

/** Puts the counters in place, for the whole thread. To be called before what is to be counted is loaded. */
export function installMemoryGuard(): void {
  const arrays = [
    Uint8Array,
    Int8Array,
    Uint8ClampedArray,
    Uint16Array,
    Int16Array,
    Uint32Array,
    Int32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ];
  for (const type of arrays) countConstructor(type, type.BYTES_PER_ELEMENT);
  countArrays();
  countConstructor(ArrayBuffer, 1);
  countConstructor(SharedArrayBuffer, 1);
  for (const name of ["alloc", "allocUnsafe", "allocUnsafeSlow"] as const) {
    const original = Buffer[name] as (...args: unknown[]) => Buffer;
    replace(Buffer, name, (size: number, ...rest: unknown[]) => (count(size), original.call(Buffer, size, ...rest)));
  }
  countResult(Buffer, "from");
  countResult(Buffer, "concat");
  countMethod(
    Object.getPrototypeOf(Uint8Array.prototype) as object,
    "slice",
    (array) => (array as Uint8Array).byteLength,
  );
  countMethod(ArrayBuffer.prototype, "slice", (buffer) => (buffer as ArrayBuffer).byteLength);
  countMethod(String.prototype, REPEATED, (text, times) => (text as string).length * Number(times));
  countMethod(String.prototype, "padStart", (_, length) => Number(length));
  countMethod(String.prototype, "padEnd", (_, length) => Number(length));
}

type AnyConstructor = new (...args: never[]) => object;
type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

// A function that makes the same objects: `instanceof`, statics and prototype are those of the original.
function countConstructor(original: AnyConstructor, bytesPerElement: number): void {
  const construct = original as unknown as new (a?: unknown, b?: unknown, c?: unknown) => object;
  function counted(a?: unknown, b?: unknown, c?: unknown): object {
    if (typeof a === "number") count(a * bytesPerElement);
    else if (Array.isArray(a) || (ArrayBuffer.isView(a) && "length" in a))
      count((a as ArrayLike<unknown>).length * bytesPerElement);
    if (b === undefined) return new construct(a);
    return c === undefined ? new construct(a, b) : new construct(a, b, c);
  }
  Object.setPrototypeOf(counted, original);
  Object.defineProperty(counted, "prototype", { value: original.prototype });
  replace(globalThis, original.name, counted);
}

/** A place of an array of objects. */
const SLOT_BYTES = 8;

// Arrays of so many places. Such as grow are bounded by the heap of the thread.
function countArrays(): void {
  const original = Array as unknown as new (...args: unknown[]) => unknown[];
  function counted(...args: unknown[]): unknown[] {
    if (args.length === 1 && typeof args[0] === "number") count(args[0] * SLOT_BYTES);
    return new original(...args);
  }
  Object.setPrototypeOf(counted, original);
  Object.defineProperty(counted, "prototype", { value: original.prototype });
  // Array.from and Array.of make what they are called on.
  for (const name of ["from", "of"] as const) {
    const make = Array[name] as (...args: unknown[]) => unknown[];
    replace(counted, name, (...args: unknown[]): unknown[] => {
      const { length } = Object(args[0]) as { readonly length?: unknown };
      if (name === "from" && typeof length === "number") count(length * SLOT_BYTES);
      return make.apply(original, args);
    });
  }
  replace(globalThis, "Array", counted);
}

/** Counts what a method is about to take, an upper bound of it. */
function countMethod(owner: object, name: string, bytesOf: (self: unknown, first: unknown) => number): void {
  const original = (owner as Record<string, AnyFunction>)[name]!;
  replace(owner, name, function counted(this: unknown, ...args: unknown[]): unknown {
    if (limit !== Infinity) count(bytesOf(this, args[0]));
    return original.apply(this, args);
  });
}

// What these take is known when they are done; they take no more than what they are given.
function countResult(owner: typeof Buffer, name: "from" | "concat"): void {
  const original = owner[name] as (...args: unknown[]) => Buffer;
  replace(owner, name, (...args: unknown[]) => {
    const result = original.apply(owner, args);
    // A view of an ArrayBuffer takes nothing.
    if (!(args[0] instanceof ArrayBuffer)) count(result.length);
    return result;
  });
}

function replace(owner: object, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
}
