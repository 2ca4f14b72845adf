// The sizes of the pipelines' bundles.

import { bundleOf, type SdkPlace, sizeOf } from "./bundle.ts";
import { handlerPairs } from "./handlers.ts";

const kilobytes = (bytes: number): number => Number((bytes / 1_000).toFixed(1));

/** The sizes of one pipeline's bundles, in kilobytes, in the order of the tables. */
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
