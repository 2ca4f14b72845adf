// Creates or extends the tables, and prints the statements. With `--print`, only prints the statements. Run this
// program when you deploy the function.

import { ordersSink } from "./orders.ts";

const statements = await ordersSink.ensure({ apply: !process.argv.includes("--print") });
process.stdout.write(statements.map((statement) => `${statement};\n`).join(""));
await ordersSink.close?.();
