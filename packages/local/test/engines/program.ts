// Starts the engines that the arguments name. Prints the engines' ports or an error as one line of JSON, and then keeps
// running. With the argument `killed`, this program kills Postgres before it prints the line.

import { startEngines } from "../../src/index.ts";

const names = process.argv.slice(2).filter((name) => name !== "killed");
const wanted = Object.fromEntries(names.map((name) => [name, true]));

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
