import { expect, test } from "vitest";
import { ImageEnv } from "tinykv/harness";
import { CapacityEnv } from "./capacity-env.ts";

function codeOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

test("a write takes what fits, the next one fails, and what is unlinked and closed comes back", () => {
  const env = new CapacityEnv(new ImageEnv(), 2048);
  const file = env.open("/a", "wx");
  expect(env.used).toBe(512);
  expect(file.write(new Uint8Array(1000), 0)).toBe(1000);
  expect(file.write(new Uint8Array(1000), 1000)).toBe(536);
  expect(codeOf(() => file.write(new Uint8Array(1), 1536))).toBe("ENOSPC");
  expect(file.write(new Uint8Array(10), 0)).toBe(10);
  expect(codeOf(() => env.open("/b", "wx"))).toBe("ENOSPC");
  expect(codeOf(() => env.makeDirectory("/c"))).toBe("ENOSPC");
  expect(codeOf(() => env.lock("/LOCK"))).toBe("ENOSPC");
  expect(env.refusals).toBe(4);
  env.link("/a", "/d");
  env.unlink("/a");
  env.unlink("/d");
  expect(env.used).toBe(2048);
  file.close();
  expect(env.used).toBe(0);
});

test("a rename gives back what it replaces, and healing ends the want", () => {
  const env = new CapacityEnv(new ImageEnv(), 1200);
  env.open("/a", "wx").close();
  env.open("/b", "wx").close();
  expect(codeOf(() => env.open("/c", "wx"))).toBe("ENOSPC");
  env.rename("/a", "/b");
  expect(env.used).toBe(512);
  expect(codeOf(() => env.open("/b", "wx"))).toBe("EEXIST");
  env.heal();
  expect(env.open("/c", "wx").write(new Uint8Array(5000), 0)).toBe(5000);
});
