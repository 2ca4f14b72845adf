// Checks package-lock.json. The first minute of a new user is `npm ci`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { root } from "./markdown.ts";

interface Entry {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
}

test("each package of the registry has the address of its tarball, so that `npm ci` asks for no manifest", () => {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Entry>> };
  const fromRegistry = Object.entries(packages).filter(
    ([path, { link = false, inBundle = false }]) => path.includes("node_modules/") && !link && !inBundle,
  );
  expect(fromRegistry.length).toBeGreaterThan(500);
  const without = fromRegistry.filter(
    ([, { resolved }]) => resolved?.startsWith("https://registry.npmjs.org/") !== true,
  );
  // `node scripts/complete-lock.js` adds them.
  expect(without.map(([path]) => path)).toEqual([]);
});
