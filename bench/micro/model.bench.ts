// The reference model of the harness against the memtable and a Map: nanoseconds a put, get and entry of a scan. The
// model keeps every version and runs beside every engine, so it must not be much slower than what it judges.
// `node dist/bench/micro/model.bench.js`

import { pathToFileURL } from "node:url";
import { keyOf, Model } from "tinykv/harness";
import { BASE_SUBJECTS, compareSubjects, type Operation, type Subject } from "./memtable.bench.ts";

const ENTRIES = [100_000];

const subjects: readonly Subject[] = [...BASE_SUBJECTS, { name: "model", make: modelSubject }];

/** Prints a line for each subject and order. */
export function run(): void {
  compareSubjects(subjects, ENTRIES);
}

// Values are references, as the harness has them: their bytes are made when they are compared.
function modelSubject(keys: readonly Buffer[]): Record<Operation, () => number> {
  const model = new Model();
  return {
    insert: () => {
      let id = 0;
      for (const key of keys) {
        model.apply([{ kind: "put", key: keyOf(key), value: { incarnation: 0, id: ++id, length: 100 } }]);
      }
      return model.size;
    },
    get: () => {
      let found = 0;
      for (const key of keys) if (model.get(keyOf(key)) !== undefined) found++;
      return found;
    },
    next: () => {
      let bytes = 0;
      for (const [key, value] of model.scan()) bytes += key.length + value.length;
      return bytes;
    },
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) run();
