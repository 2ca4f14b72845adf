// Writes the sizes of the bundles into docs/bundle-size.md: `npm run bundle-size`, after a change that is meant.

import { readFileSync, writeFileSync } from "node:fs";
import { withSizes } from "./cold-start/size-table.ts";

const page = new URL("../../docs/bundle-size.md", import.meta.url);
writeFileSync(page, await withSizes(readFileSync(page, "utf8")));
