import type { Target } from "./target.ts";
import { batchTarget } from "./targets/batch.ts";
import { blockTarget } from "./targets/block.ts";
import { currentTarget } from "./targets/current.ts";
import { editTarget, internalKeyTarget } from "./targets/edit.ts";
import { indexTarget } from "./targets/index-block.ts";
import { logTarget } from "./targets/log.ts";
import { manifestTarget } from "./targets/manifest.ts";
import { opLogTarget } from "./targets/op-log.ts";
import { repairTarget } from "./targets/repair.ts";
import { salvageTarget } from "./targets/salvage.ts";
import { storeTarget } from "./targets/store.ts";
import { filterTarget, footerTarget, metaindexTarget, propertiesTarget, rangesTarget } from "./targets/table-parts.ts";
import { tableTarget } from "./targets/table.ts";

/** Every format by itself, then what is made of several. */
export const TARGETS: readonly Target[] = [
  batchTarget,
  internalKeyTarget,
  editTarget,
  currentTarget,
  blockTarget,
  indexTarget,
  filterTarget,
  propertiesTarget,
  rangesTarget,
  metaindexTarget,
  footerTarget,
  logTarget,
  manifestTarget,
  tableTarget,
  salvageTarget,
  opLogTarget,
  storeTarget,
  repairTarget,
];
