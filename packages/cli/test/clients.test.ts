// Clients of the AWS SDK as the commands create them.

import { expect, test } from "@jest/globals";
import { dynamodbClient } from "../src/aws/clients.ts";

test("the client of a table does not copy answers for the SDK's log", async () => {
  const client = await dynamodbClient({ region: "us-east-1" }, "orders");
  try {
    expect(client.middlewareStack.identify().filter((name) => name.startsWith("loggerMiddleware"))).toEqual([]);
  } finally {
    client.destroy();
  }
});
