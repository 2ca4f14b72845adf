// Creates missing tables, enables TTL for them, and prints the calls. With `--print`, only prints the calls. Run this
// program when you deploy the function.

import { customersKey, customersTable, ordersKey, ordersTable } from "./shop.ts";

const apply = !process.argv.includes("--print");

for (const [table, create] of [
  [customersTable, customersKey],
  [ordersTable, ordersKey],
] as const) {
  const calls = await table.ensure({ apply, create });
  process.stdout.write(calls.map((call) => `${call}\n`).join(""));
  await table.close();
}
