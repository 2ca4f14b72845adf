// Creates or extends the tables, and prints the statements. Run it when you deploy; `--print` only prints.

import { filmsSink } from "./films.ts";

const statements = await filmsSink.ensure({ apply: !process.argv.includes("--print") });
process.stdout.write(statements.map((statement) => `${statement};\n`).join(""));
await filmsSink.close?.();
