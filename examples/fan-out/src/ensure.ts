// Creates or extends tables, index and mapping, and prints what it did: run it when you deploy. `--print` only prints.

import { customerRows, orderDocuments, orderRows } from "./orders.ts";

for (const sink of [orderRows, customerRows, orderDocuments]) {
  const steps = await sink.ensure({ apply: !process.argv.includes("--print") });
  process.stdout.write(steps.map((step) => `${step}\n`).join(""));
  await sink.close();
}
