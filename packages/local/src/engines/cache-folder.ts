// Where engines keep what they fetched: beside other caches of the account, for all checkouts.

import { homedir } from "node:os";
import { join } from "node:path";

/** Path of an entry of the cache; it may not exist. */
export const inCache = (name: string): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sluice", name);
