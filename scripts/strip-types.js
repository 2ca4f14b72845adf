// Lets Node 20 run TypeScript sources: `node --import ./scripts/strip-types.js program.ts`.

import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { transform } from "@swc/core";

const swc = { swcrc: false, jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" } };

export const load = async (url, context, next) => {
  if (!url.endsWith(".ts")) return next(url, context);
  const { code } = await transform(await readFile(fileURLToPath(url), "utf8"), swc);
  return { format: "module", shortCircuit: true, source: code };
};

if (isMainThread) register(import.meta.url);
