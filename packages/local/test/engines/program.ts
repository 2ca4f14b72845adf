// Starts the engines that its arguments name, prints their ports or the error as one line of JSON, and keeps running.
// With the argument `killed`, the program kills Postgres before it prints the line.

import { startEngines } from "../../src/index.ts";

const wanted = Object.fromEntries(process.argv.slice(2).map((name) => [name, true]));

try {
  const engines = await startEngines(wanted as { postgres?: true; dynamodb?: true; opensearch?: true });
  if (process.argv.includes("killed")) await engines.postgres?.kill();
  const ports = [engines.postgres?.url, engines.dynamodb?.endpoint, engines.opensearch?.url].flatMap((url) =>
    url ? [new URL(url).port] : [],
  );
  process.stdout.write(`${JSON.stringify({ ports })}\n`);
  setInterval(() => undefined, 60_000);
} catch (error) {
  const { code, message } = error as { code: string; message: string };
  process.stdout.write(`${JSON.stringify({ code, message })}\n`);
}
