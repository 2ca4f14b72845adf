// Starts the engines named in its arguments, prints their ports or the error as one line of JSON, and keeps running. The
// argument `killed` kills Postgres before the line is printed.

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
