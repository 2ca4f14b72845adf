// Removes tombstones that no redelivery can reach any more. Run it daily.

import { filmsSink } from "./films.ts";

const removed = await filmsSink.purge();
process.stdout.write(`${removed} tombstones removed\n`);
await filmsSink.close();
