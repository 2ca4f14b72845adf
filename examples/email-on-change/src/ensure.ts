// Creates the dedupe table, unless it exists. Run it when you deploy.

import { dedupeStore } from "./shop.ts";

await dedupeStore.ensure();
await dedupeStore.close();
