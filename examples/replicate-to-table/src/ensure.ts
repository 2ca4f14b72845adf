// Creates missing tables, enables their TTL, and prints the calls. Run it when you deploy; `--print` only prints.

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
