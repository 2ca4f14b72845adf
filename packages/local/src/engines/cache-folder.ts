// The cache of downloaded engines, in the user's cache folder: all checkouts share it.

import { homedir } from "node:os";
import { join } from "node:path";

/** Path of a cache entry, which may not exist. */
export const inCache = (name: string): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sluice", name);
