import { bench } from "./command.ts";

await bench(process.argv.slice(2));
