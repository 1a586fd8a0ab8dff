import { expect, test } from "vitest";
import { CONFIGS } from "./image-source.ts";
import { runAgreement } from "./agreement.ts";

test("C15 to C17: the inspector and verify() agree over crash images, and over damage to the stores opened on them", async () => {
  const result = await runAgreement({ seed: "1", images: 200, damages: 2 });
  expect(result.disagreements).toEqual([]);
  expect(result).toMatchObject({ images: 200, sound: 200 });
  expect(result.damageSeen + result.damageHarmless).toBe(400);
  expect(result.damageSeen).toBeGreaterThan(370);
});

test("every configuration comes up, and the same seed gives the same", async () => {
  const options = { seed: "2", images: 40, damages: 1 };
  expect(await runAgreement(options)).toEqual(await runAgreement(options));
  expect(CONFIGS.length).toBeGreaterThan(3);
});
