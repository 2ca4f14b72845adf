// The version of Sluice.

import { readFile } from "node:fs/promises";

/** Reads the version of this package. All packages of Sluice have the same. */
export const ownVersion = async (): Promise<string> =>
  JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")).version;
