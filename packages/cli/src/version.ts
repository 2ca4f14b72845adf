// The version of the command.

import { readFile } from "node:fs/promises";

/** Returns the version of this package. */
export const version = async (): Promise<string> =>
  JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")).version;
