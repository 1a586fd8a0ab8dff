// The inspector against verify(), over crash images and damaged stores (agreement.ts).
//
//   node dist/crashtests/inspector/main.js [--seed S] [--images N] [--damages N]
//
// Prints one object. Exit 1 if they disagree anywhere, or agree that a recovered store is wrong; 2 for bad usage.

import { parseArgs } from "node:util";
import { runAgreement } from "./agreement.ts";

const IMAGES = 10_000;
const DAMAGES = 1;
/** Told so often. */
const PROGRESS_IMAGES = 1000;

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { seed: text, images: text, damages: text } });
  const { seed = "1" } = values;
  const [images, damages] = [Number(values.images ?? IMAGES), Number(values.damages ?? DAMAGES)];
  if (!Number.isSafeInteger(images) || images < 1 || !Number.isSafeInteger(damages) || damages < 0) {
    console.error("inspector: --images is a whole number from 1 on, --damages one from 0 on");
    return 2;
  }
  const begun = performance.now();
  const progress = (count: number): void => {
    if (count % PROGRESS_IMAGES === 0) console.error(`${count} images`);
  };
  const result = await runAgreement({ seed, images, damages, progress });
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  const ok = result.disagreements.length === 0;
  console.log(JSON.stringify({ command: "inspector", seed, ok, seconds, ...result }));
  return ok ? 0 : 1;
}

process.exitCode = await main();
