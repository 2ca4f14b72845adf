// Creates or extends the index, the alias and the mapping, and prints the requests. With `--print`, only prints the
// requests. Run this program when you deploy the function.

import { filmsSink } from "./films.ts";

const requests = await filmsSink.ensure({ apply: !process.argv.includes("--print") });
process.stdout.write(requests.map((request) => `${request}\n`).join(""));
await filmsSink.close();
