// Removes tombstones that no repeat can reach any more: run it daily.

import { filmsSink } from "./films.ts";

const removed = await filmsSink.purge();
process.stdout.write(`${removed} tombstones removed\n`);
await filmsSink.close();
