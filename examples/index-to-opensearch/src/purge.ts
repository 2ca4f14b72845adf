// Removes the tombstones that are too old to be needed for a redelivered change. Run this program daily.

import { filmsSink } from "./films.ts";

const removed = await filmsSink.purge();
process.stdout.write(`${removed} tombstones removed\n`);
await filmsSink.close();
