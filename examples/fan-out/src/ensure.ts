// Creates missing tables, index and mapping, extends existing ones, and prints the steps. With `--print`, only prints
// the steps. Run this program when you deploy the function.

import { customerRows, dedupeStore, orderDocuments, orderRows } from "./orders.ts";

const apply = !process.argv.includes("--print");

for (const sink of [orderRows, customerRows, orderDocuments]) {
  const steps = await sink.ensure({ apply });
  process.stdout.write(steps.map((step) => `${step}\n`).join(""));
  await sink.close();
}

// Creates the dedupe table if it does not exist.
if (apply) await dedupeStore.ensure();
await dedupeStore.close();
