// Creates or extends the tables, and prints the statements. With `--print` it only prints them. Run this program when
// you deploy.

import { filmsSink } from "./films.ts";

const statements = await filmsSink.ensure({ apply: !process.argv.includes("--print") });
process.stdout.write(statements.map((statement) => `${statement};\n`).join(""));
await filmsSink.close?.();
