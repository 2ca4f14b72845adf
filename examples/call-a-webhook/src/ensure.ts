// Creates the table that remembers which calls were made, unless it exists: run it when you deploy.

import { dedupeStore } from "./customers.ts";

await dedupeStore.ensure();
await dedupeStore.close();
