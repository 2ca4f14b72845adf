// Measures the sizes of bundles: of core alone, and of a pipeline with each sink.

import { bundleOf, type SdkPlace, sizeOf } from "../cold-start/bundle.ts";
import { handlerPairs } from "../cold-start/handlers.ts";
import { table } from "../markdown.ts";
import type { Suite } from "../suite.ts";

const kilobytes = (bytes: number): number => Number((bytes / 1_000).toFixed(1));

/** The sizes of one pipeline's bundles, in kilobytes. */
export interface PipelineSizes {
  readonly name: string;
  readonly bundled: number;
  readonly bundledGzipped: number;
  readonly external: number;
  readonly externalGzipped: number;
}

/** Returns the sizes of all pipelines' bundles. */
export const pipelineSizes = async (): Promise<readonly PipelineSizes[]> => {
  const size = async (program: string, sdk: SdkPlace) => sizeOf(await bundleOf(program, sdk));
  return Promise.all(
    handlerPairs.map(async ({ name, pipeline }) => {
      const [bundled, external] = [await size(pipeline, "bundled"), await size(pipeline, "external")];
      return {
        name,
        bundled: kilobytes(bundled.minified),
        bundledGzipped: kilobytes(bundled.gzipped),
        external: kilobytes(external.minified),
        externalGzipped: kilobytes(external.gzipped),
      };
    }),
  );
};

/** The suite that measures the sizes of bundles. */
export const bundleSuite: Suite = {
  name: "bundle",
  run: async () => {
    const sizes = await pipelineSizes();
    return {
      figures: Object.fromEntries([
        ...sizes.map(({ name, bundled }) => [`bundle/${name}/kb`, bundled]),
        ...sizes.map(({ name, external }) => [`bundle/${name}/sdk-external/kb`, external]),
      ]),
      goals: { "bundle/core/sdk-external/kb": { atMost: 60 } },
      lines: [
        "Bundles as docs/bundle-size.md recommends, in kilobytes",
        "",
        ...table(
          ["pipeline", "minified", "gzipped", "SDK external", "gzipped"],
          sizes.map((size) => Object.values(size)),
        ),
      ],
    };
  },
};
