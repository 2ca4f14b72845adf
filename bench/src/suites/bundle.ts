// Measures the sizes of bundles: of core alone, and of a pipeline with each sink.

import { pipelineSizes } from "../cold-start/sizes.ts";
import { table } from "../markdown.ts";
import type { Suite } from "../suite.ts";

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
