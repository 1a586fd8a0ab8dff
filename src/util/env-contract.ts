// What every Env must do, as a list of cases that any test framework can run:
//
//   for (const { name, run } of envContract) test(name, () => run(myEnv, emptyDirectory()));
//
// A case throws when the Env is wrong. Failures are recognised by errno names looked up through `cause` (errors.ts,
// errnoOf), so wrapped errors pass too. Where real systems differ (which of two errno names), both are accepted.

import { directoryCases } from "./env-contract-directories.ts";
import { fileCases } from "./env-contract-files.ts";
import { nameCases } from "./env-contract-names.ts";
import { worldCases } from "./env-contract-world.ts";
import type { ContractCase } from "./env-contract-checks.ts";

export type { ContractCase } from "./env-contract-checks.ts";

export const envContract: readonly ContractCase[] = [...fileCases, ...nameCases, ...directoryCases, ...worldCases];
