// Creates missing tables, index and mapping, extends existing ones, and prints the steps. With `--print`, only prints
// the steps. Run this program when you deploy the function.

import { ensureTargets } from "./ensure-handler.ts";
import { dedupeStore } from "./orders.ts";

const apply = !process.argv.includes("--print");

await ensureTargets(apply, (step) => process.stdout.write(`${step}\n`));

// Creates the dedupe table if it does not exist.
if (apply) await dedupeStore.ensure();
await dedupeStore.close();
