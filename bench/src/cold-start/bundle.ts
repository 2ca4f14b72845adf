// Bundles a program as docs/bundle-size.md recommends, and as NodejsFunction does with these settings.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Whether the bundle contains the AWS SDK, or gets the SDK from Lambda's runtime. */
export type SdkPlace = "bundled" | "external";

/** Returns the bundle of a program. Its size depends only on the program and on the installed packages. */
export const bundleOf = async (program: string, sdk: SdkPlace): Promise<Uint8Array> => {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: root, sourcefile: "handler.js" },
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    mainFields: ["module", "main"],
    external: sdk === "external" ? ["@aws-sdk/*", "@smithy/*"] : [],
    logLevel: "error",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild wrote no bundle");
  return file.contents;
};

/** The size of a bundle in bytes. */
export interface BundleSize {
  readonly minified: number;
  readonly gzipped: number;
}

/** Returns the size of a bundle. */
export const sizeOf = (bundle: Uint8Array): BundleSize => ({
  minified: bundle.length,
  gzipped: gzipSync(bundle, { level: 9 }).length,
});
