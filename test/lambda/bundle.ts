// Bundles a function with esbuild as docs/bundling.md says, into a folder of its own.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../markdown.ts";

/** The line that an ESM bundle needs, because packages in it call `require`. */
export const esmBanner: string =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** How to bundle. */
export interface BundleOptions {
  readonly format: "cjs" | "esm";
  readonly minify: boolean;
  /** Default: `esmBanner` in an ESM bundle. */
  readonly banner?: string;
}

/**
 * Bundles a program, and returns the folder of the bundle. Beside the bundle the folder has only the AWS SDK, as in
 * Lambda.
 */
export const bundle = async (entry: string, folder: string, options: BundleOptions): Promise<string> => {
  const { format, minify, banner = format === "esm" ? esmBanner : "" } = options;
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(join(root, "node_modules", "@aws-sdk"), join(folder, "node_modules", "@aws-sdk"));
  writeFileSync(join(folder, "package.json"), "{}");
  await build({
    entryPoints: [entry],
    outfile: join(folder, format === "esm" ? "index.mjs" : "index.cjs"),
    bundle: true,
    platform: "node",
    target: "node20",
    format,
    minify,
    sourcemap: true,
    external: ["@aws-sdk/*"],
    banner: { js: banner },
    logLevel: "silent",
  });
  return folder;
};
