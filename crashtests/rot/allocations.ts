// The largest single allocation of bytes while a watch runs. A length field that is believed before it is checked asks for
// more than its file could justify; nobody sees that from outside but the allocator.

const ARRAYS = ["ArrayBuffer", "SharedArrayBuffer", "Uint8Array", "Uint32Array", "Int32Array", "Float64Array"] as const;
const BUFFERS = ["alloc", "allocUnsafe", "allocUnsafeSlow"] as const;

type Constructor = new (...parameters: unknown[]) => object;
type Allocate = (size: number, ...rest: unknown[]) => Buffer;

/** Bytes an element of what these constructors make. */
function elementBytes(constructor: Constructor): number {
  return (constructor as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
}

let most = 0;

const watchedArrays = ARRAYS.map((name) => {
  const original = globalThis[name] as unknown as Constructor;
  const bytes = elementBytes(original);
  const watched: Constructor = new Proxy(original, {
    construct(target, parameters: unknown[], newTarget): object {
      const [size] = parameters;
      if (typeof size === "number") most = Math.max(most, size * bytes);
      return Reflect.construct(target, parameters, newTarget === watched ? target : newTarget) as object;
    },
  });
  return { name, original, watched };
});

const watchedBuffers = BUFFERS.map((name) => {
  const original = Buffer[name] as Allocate;
  const watched: Allocate = (size, ...rest) => {
    most = Math.max(most, size);
    return original(size, ...rest);
  };
  return { name, original, watched };
});

/** Watches from its making until stop(). One at a time: it takes the place of the global constructors. */
export class AllocationWatch {
  constructor() {
    most = 0;
    for (const { name, watched } of watchedArrays) Reflect.set(globalThis, name, watched);
    for (const { name, watched } of watchedBuffers) Reflect.set(Buffer, name, watched);
  }

  /** Bytes of the largest allocation so far. */
  stop(): number {
    for (const { name, original } of watchedArrays) Reflect.set(globalThis, name, original);
    for (const { name, original } of watchedBuffers) Reflect.set(Buffer, name, original);
    return most;
  }
}
