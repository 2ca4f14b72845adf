// Creates the dedupe table if the table does not exist. Run this program when you deploy the function.

import { dedupeStore } from "./shop.ts";

await dedupeStore.ensure();
await dedupeStore.close();
