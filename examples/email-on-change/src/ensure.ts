// Creates the table that remembers which mails were sent, unless it exists: run it when you deploy.

import { dedupeStore } from "./shop.ts";

await dedupeStore.ensure();
await dedupeStore.close();
