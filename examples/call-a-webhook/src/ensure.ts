// Creates the dedupe table, unless it exists. Run it when you deploy.

import { dedupeStore } from "./customers.ts";

await dedupeStore.ensure();
await dedupeStore.close();
