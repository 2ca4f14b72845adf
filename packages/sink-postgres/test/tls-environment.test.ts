// NODE_TLS_REJECT_UNAUTHORIZED=0 switches verification off for every client that does not ask for it. The test needs a
// child process, because Jest's process.env is a copy.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { openTlsServer } from "./support/tls-server.ts";

const program = `
import { postgresSink } from "@sluice/sink-postgres";
import { streamChange } from "@sluice/testing";

const { PORT: port } = process.env;
const url = "postgresql://u:p@localhost:" + port + "/d";
const connections = [
  { host: "localhost", port: Number(port), user: "u", database: "d", ssl: true },
  { connectionString: url + "?sslmode=require" },
  { connectionString: url + "?ssl=true" },
  { connectionString: url + "?sslmode=verify-full", ssl: { servername: "localhost" } },
];
const found = [];
for (const connection of connections) {
  const sink = postgresSink({ connection, table: "items" });
  const delivery = { change: streamChange({ after: { pk: "a", sk: "1" } }), message: {}, earlier: [] };
  const context = { signal: new AbortController().signal, remainingMs: () => 60_000 };
  found.push(await sink.write([delivery], context).then(() => "delivered", (error) => error.code));
  await sink.close();
}
try {
  postgresSink({ connection: { connectionString: url + "?sslmode=verify-full&sslrootcert=ca.pem" }, table: "items" });
} catch (error) {
  found.push(error.code);
}
process.stdout.write(JSON.stringify(found));
`;

test("certificates are verified, whatever NODE_TLS_REJECT_UNAUTHORIZED says", async () => {
  const server = await openTlsServer("S");
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, NODE_OPTIONS: "", NODE_TLS_REJECT_UNAUTHORIZED: "0", PORT: String(server.port) },
  });
  await server.close();
  expect(JSON.parse(stdout)).toEqual([...Array(4).fill("SINK_DENIED"), "CONFIG_INVALID"]);
  expect(server.accepted()).toBe(0);
});
