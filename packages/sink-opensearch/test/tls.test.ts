// The environment variable that switches off Node's verification must not switch off the sink's.

import { execFile } from "node:child_process";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { certificate, key } from "./support/tls-fixture.ts";

let requests = 0;
const server = createServer({ cert: certificate, key }, (_incoming, outgoing) => {
  requests += 1;
  outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
});

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

const sinkModule = new URL("../dist/index.js", import.meta.url).href;

/** Runs `ensure` in a process of its own, and returns the code of its error, or the text of a plain request's status. */
const outputOf = async (program: string): Promise<string> => {
  const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  const args = ["--no-warnings", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return stdout.trim();
};

test("NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch off the verification of the certificate", async () => {
  const node = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // The control: without the sink, the variable does switch the verification off.
  expect(await outputOf(`console.log((await fetch("${node}")).status)`)).toBe("200");
  const before = requests;
  const program = `
    import { opensearchSink } from "${sinkModule}";
    const sink = opensearchSink({ node: "${node}", index: "orders" });
    await sink.ensure().then(() => console.log("accepted"), (error) => console.log(error.code));
    await sink.close();`;
  expect(await outputOf(program)).toBe("SINK_DENIED");
  expect(requests).toBe(before);
});
