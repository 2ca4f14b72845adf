// The program of a child process: a function's cold start. It imports a bundle, invokes its handler once, and writes the
// milliseconds of both as one line of JSON.
//
// node cold-start-child.js BUNDLE EVENT GROUP     GROUP: a file to which the process writes its id before the invocation

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

type Handler = (event: unknown, context: object) => Promise<{ readonly batchItemFailures: readonly unknown[] }>;

const [bundle = "", eventPath = "", group = ""] = process.argv.slice(2);
const event: unknown = JSON.parse(readFileSync(eventPath, "utf8"));
const write = process.stdout.write.bind(process.stdout);
// The log of the handler must not reach the parent.
process.stdout.write = () => true;

const beforeImport = performance.now();
const { handler } = createRequire(import.meta.url)(bundle) as { readonly handler: Handler };
// Lambda's runtime interface client asks for the first event in a `setImmediate`.
await new Promise(setImmediate);
const started = performance.now();
if (group !== "") writeFileSync(group, String(process.pid));
const invokedAt = performance.now();
const { batchItemFailures } = await handler(event, { awsRequestId: "1", getRemainingTimeInMillis: () => 60_000 });
const ended = performance.now();
if (batchItemFailures.length > 0) throw new Error(`${bundle} reported ${batchItemFailures.length} failures`);
write(
  `${JSON.stringify({ start: started, import: started - beforeImport, invocation: ended - invokedAt, total: started + ended - invokedAt })}\n`,
  () => process.exit(),
);
