// Creates the dedupe table if it does not exist. Run this program when you deploy.

import { dedupeStore } from "./customers.ts";

await dedupeStore.ensure();
await dedupeStore.close();
