// Module hooks with which Node 20 can import TypeScript sources. The hooks compile the sources with swc, like Jest.

import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";
import { transform } from "@swc/core";

if (isMainThread) register(import.meta.url);

const options = { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" } };

export const load = async (url, context, nextLoad) => {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
  const { code } = await transform(await readFile(new URL(url), "utf8"), options);
  return { format: "module", source: code, shortCircuit: true };
};
