// Commands beside a server that stands in for DynamoDB. A table that the user names by its ARN: every request has the ARN, because
// the caller's own account may have another table of the same name. DynamoDB Local accepts no ARNs.

import { once } from "node:events";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startSluice } from "./support/sluice.ts";

const arn = "arn:aws:dynamodb:us-east-1:000000000000:table/orders";
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const module = `
  import { pipeline } from "@sluice/core";
  import { memoryUpsertSink } from "@sluice/testing";
  export const orders = pipeline("orders", { onReject: "block" }).to(memoryUpsertSink(), ({ after }) => after);`;

const item = { id: { S: "o-1" } };
const table = {
  TableName: "orders",
  TableArn: arn,
  TableStatus: "ACTIVE",
  LatestStreamArn: `${arn}/stream/2026-01-01T00:00:00.000`,
  StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
};

/** The tables that the requests named, by operation. */
const named: [operation: string, table: string][] = [];

const answerTo = (
  operation: string,
  input: { TableName?: string; RequestItems?: object; Segment?: number },
): object => {
  const name = input.TableName ?? Object.keys(input.RequestItems ?? {})[0] ?? "";
  named.push([operation, name]);
  if (operation === "DescribeTable") return { Table: table };
  if (operation === "BatchGetItem") return { Responses: { [arn]: [item] }, UnprocessedKeys: {} };
  return { Items: input.Segment === 0 ? [item] : [], Count: 0, ScannedCount: 0 };
};

const server = createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
  response.setHeader("Content-Type", "application/x-amz-json-1.0");
  response.end(JSON.stringify(answerTo(operation, JSON.parse(text))));
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-arn-"));
  await symlink(modules, join(folder, "node_modules"));
  await writeFile(join(folder, "orders.mjs"), module);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

test.each([
  ["backfill", [], ["DescribeTable", "Scan"]],
  ["verify", ["--grace", "1s"], ["BatchGetItem", "DescribeTable", "Scan"]],
])("%s sends every request to the table of the ARN", async (command, options, operations) => {
  named.length = 0;
  const env = { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const args = [command, "orders.mjs", "--table", arn, ...options];
  const { stdout, stderr } = await startSluice(args, { cwd: folder, env }).ended;
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringContaining("done in"), stderr: expect.any(String) });
  expect([...new Set(named.map(([operation]) => operation))].sort()).toEqual(operations);
  expect(new Set(named.map(([, name]) => name))).toEqual(new Set([arn]));
});

test("a command whose output is not read to its end does not end with the exit code of success", async () => {
  const env = { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const args = ["verify", "orders.mjs", "--table", arn, "--grace", "1s", "--json"];
  const { child, ended } = startSluice(args, { cwd: folder, env });
  child.stdout.destroy();
  expect((await ended).code).toBe(141);
});
