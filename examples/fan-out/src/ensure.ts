// Creates or extends tables, index and mapping, and prints the steps. With `--print` it only prints them. Run this
// program when you deploy.

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
