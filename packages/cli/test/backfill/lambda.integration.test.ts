// `sluice backfill --to lambda` from DynamoDB Local: a function gets the records, and its event source mapping is checked.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { bad, openShop } from "../support/shop.ts";
import { runSluice } from "../support/sluice.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const itemCount = 300;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

interface Mapping {
  readonly State: string;
  readonly StartingPosition: string;
  readonly LastModified: number;
}

/** Lambda with one function, and the mappings of the stream. `onInvoke` may fail. */
const startLambda = async (run: (event: never) => Promise<unknown>, onInvoke: (records: number) => void) => {
  const mappings: Mapping[] = [];
  const listed: string[] = [];
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown, header: Record<string, string> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...header }).end(JSON.stringify(body));
    };
    const url = new URL(request.url ?? "", "http://localhost");
    if (url.pathname.includes("/event-source-mappings")) {
      listed.push(url.searchParams.get("EventSourceArn") ?? "");
      const FunctionArn = "arn:aws:lambda:us-east-1:123456789012:function:shop";
      return answer(200, { EventSourceMappings: mappings.map((mapping) => ({ FunctionArn, ...mapping })) });
    }
    const event = JSON.parse(await bodyOf(request));
    try {
      onInvoke(event.Records.length);
      answer(200, await run(event as never));
    } catch (error) {
      const { name, message } = error as Error;
      answer(200, { errorType: name, errorMessage: message }, { "x-amz-function-error": "Unhandled" });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { mappings, listed, endpoint: `http://127.0.0.1:${port}`, stop };
};

const moduleText = `
  import { pipeline } from "@sluice/core";
  const sink = (name) => ({ name, supports: { writes: "upsert" }, write: async () => { throw new Error("not here"); } });
  export const shop = pipeline("shop", { onReject: "block" }).to(sink("orders"), ({ after }) => after);
`;

describeWithDynamodb("sluice backfill --to lambda", (dynamodb) => {
  const client = new DynamoDB(dynamodb.clientConfig);
  let tables = 0;

  const withTable = async (
    use: (given: {
      readonly shop: ReturnType<typeof openShop>;
      readonly lambda: Awaited<ReturnType<typeof startLambda>>;
      readonly streamArn: string;
      readonly run: (...args: string[]) => ReturnType<typeof runSluice>;
    }) => Promise<void>,
    onInvoke: (records: number) => void = () => undefined,
  ): Promise<void> => {
    tables += 1;
    const TableName = `items-${tables}`;
    const { TableDescription } = await client.createTable({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    });
    for (let start = 0; start < itemCount; start += 25) {
      const puts = Array.from({ length: 25 }, (_, index) => {
        const pk = { S: start + index === 7 ? bad : `i-${start + index}` };
        return { PutRequest: { Item: { pk, note: { S: "a secret" } } } };
      });
      await client.batchWriteItem({ RequestItems: { [TableName]: puts } });
    }
    const shop = openShop();
    const lambda = await startLambda(shop.run as never, onInvoke);
    const folder = await mkdtemp(join(tmpdir(), "sluice-lambda-"));
    const module = join(import.meta.dirname, `shop-${process.pid}-${tables}.mjs`);
    await writeFile(module, moduleText);
    const env = {
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
      AWS_ENDPOINT_URL_CLOUDWATCH: "http://127.0.0.1:1",
    };
    const run = (...args: string[]) =>
      runSluice(["backfill", module, "--table", TableName, "--to", "lambda", "--function", "shop", ...args], {
        env,
        cwd: folder,
      });
    try {
      await use({ shop, lambda, run, streamArn: TableDescription?.LatestStreamArn ?? "" });
    } finally {
      await lambda.stop();
      await rm(module);
      await rm(folder, { recursive: true });
    }
  };

  const enabled: Mapping = { State: "Enabled", StartingPosition: "TRIM_HORIZON", LastModified: Date.now() / 1_000 };

  test("the function gets every item; a rejected one is listed", async () => {
    await withTable(async ({ shop, lambda, run, streamArn }) => {
      lambda.mappings.push(enabled);
      const { code, stdout, stderr } = await run("--run", "one", "--routes", "orders");
      expect({ code, stderr }).toMatchObject({ code: 1 });
      expect(stdout).toContain(`${itemCount} items = ${itemCount - 1} delivered + 1 rejected`);
      expect(stdout + stderr).not.toContain("secret");
      expect(stderr).toContain("the lag of shop is unknown: ");
      expect(lambda.listed).toEqual([streamArn]);
      expect(shop.orders.items().size).toBe(itemCount - 1);
      expect(shop.feed.sent()).toEqual([]);
      expect(shop.deadLetters).toEqual([]);
    });
  });

  test("a function that crashes now and then gets smaller requests, until all is copied", async () => {
    let calls = 0;
    const crash = (): void => {
      calls += 1;
      if (calls % 5 === 2) throw new TypeError("a secret");
    };
    await withTable(async ({ shop, lambda, run }) => {
      lambda.mappings.push(enabled);
      const { stdout, stderr } = await run("--concurrency", "1");
      expect(stdout).toContain(`${itemCount} items = ${itemCount - 1} delivered + 1 rejected`);
      expect(stdout + stderr).not.toContain("secret");
      expect(shop.orders.items().size).toBe(itemCount - 1);
    }, crash);
  });

  test("a stream that the function does not read is refused; --no-check live starts the run", async () => {
    await withTable(async ({ shop, lambda, run }) => {
      const none = await run();
      expect(none).toMatchObject({ code: 2, stdout: "" });
      expect(none.stderr).toMatch(/sluice: the function shop does not read the stream .* with TRIM_HORIZON first/);
      lambda.mappings.push({ ...enabled, StartingPosition: "LATEST" });
      expect((await run()).stderr).toContain("starts at LATEST");
      expect(shop.orders.items().size).toBe(0);
      expect((await run("--no-check", "live")).stdout).toContain(`${itemCount} items`);
    });
  });
});
