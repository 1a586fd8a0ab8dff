// Every way in which the inspector makes stores wrong.

import { WRONG_BLOCKS } from "./wrong-blocks.ts";
import type { WrongClass } from "./wrong-class.ts";
import { WRONG_FILES } from "./wrong-files.ts";
import { WRONG_LEVELS } from "./wrong-levels.ts";
import { WRONG_LOGS } from "./wrong-logs.ts";
import { WRONG_MANIFESTS } from "./wrong-manifests.ts";
import { WRONG_PROPERTIES } from "./wrong-properties.ts";

export const WRONG_CLASSES: readonly WrongClass[] = [
  ...WRONG_BLOCKS,
  ...WRONG_PROPERTIES,
  ...WRONG_FILES,
  ...WRONG_LEVELS,
  ...WRONG_MANIFESTS,
  ...WRONG_LOGS,
];
