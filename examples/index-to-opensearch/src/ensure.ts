// Creates or extends index, alias and mapping, and prints the requests. With `--print` it only prints them. Run this
// program when you deploy.

import { filmsSink } from "./films.ts";

const requests = await filmsSink.ensure({ apply: !process.argv.includes("--print") });
process.stdout.write(requests.map((request) => `${request}\n`).join(""));
await filmsSink.close();
