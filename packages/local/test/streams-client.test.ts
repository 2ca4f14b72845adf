import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { streamsClient } from "../src/index.ts";

let server: Server | undefined;

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

type Answer = { readonly status: number; readonly body: unknown } | "hang up";

/** Starts a server that sends these answers in this order, and keeps the requests that it receives. */
const answering = async (...answers: Answer[]) => {
  const seen: { target: string | string[] | undefined; body: string }[] = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    seen.push({ target: request.headers["x-amz-target"], body });
    const answer = answers.shift() ?? "hang up";
    if (answer === "hang up") return void request.socket.destroy();
    response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { client: streamsClient(`http://127.0.0.1:${port}`), seen };
};

const page = { Records: [], NextShardIterator: "next" };

describe("the streams client", () => {
  test("sends the operation as AWS JSON and returns the response", async () => {
    const { client, seen } = await answering({ status: 200, body: page });
    expect(await client.getRecords({ ShardIterator: "it", Limit: 10 })).toEqual(page);
    expect(seen).toEqual([
      { target: "DynamoDBStreams_20120810.GetRecords", body: '{"ShardIterator":"it","Limit":10}' },
    ]);
  });

  test("retries a call whose connection broke or whose response was a server error", async () => {
    const { client, seen } = await answering(
      "hang up",
      { status: 500, body: { __type: "com.amazonaws.dynamodb.v20120810#InternalServerError" } },
      { status: 200, body: page },
    );
    expect(await client.getRecords({ ShardIterator: "it" })).toEqual(page);
    expect(seen).toHaveLength(3);
  });

  test("does not retry a call that the service rejects, and names the exception", async () => {
    const body = { __type: "com.amazonaws.dynamodb.v20120810#ExpiredIteratorException", message: "too old" };
    const { client, seen } = await answering({ status: 400, body });
    await expect(client.getRecords({ ShardIterator: "it" })).rejects.toMatchObject({
      code: "STREAMS_FAILED",
      name: "ExpiredIteratorException",
      message: expect.stringContaining("too old"),
    });
    expect(seen).toHaveLength(1);
  });

  test("gives up after four attempts", async () => {
    const { client, seen } = await answering();
    await expect(client.describeStream({ StreamArn: "arn" })).rejects.toThrow();
    expect(seen).toHaveLength(4);
  });
});
