// Removes old tombstones. These tombstones are so old that no redelivery can need them. Run this program daily.

import { filmsSink } from "./films.ts";

const removed = await filmsSink.purge();
process.stdout.write(`${removed} tombstones removed\n`);
await filmsSink.close();
