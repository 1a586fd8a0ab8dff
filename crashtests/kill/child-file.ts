import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * What starts a process of the suite: from a bundle with a code cache (bundle-main.ts), which is built, whether this module
 * runs from dist/ or, in tests, from its source.
 */
export function childCommand(name: "child-main" | "reader-main", ...words: readonly string[]): string[] {
  const bundle = fileURLToPath(new URL("bundle", import.meta.url)).replace(
    /(\/dist)?\/crashtests\/kill\//,
    "/dist/crashtests/kill/",
  );
  return [process.execPath, "--no-warnings", join(bundle, "start.cjs"), join(bundle, `${name}.cjs`), ...words];
}
