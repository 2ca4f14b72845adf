// The time of DynamoDB's clock, with the client of the SDK and a server whose clock is not the machine's.

import { Readable } from "node:stream";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { expect, test } from "@jest/globals";
import { tableTime } from "@sluice/backfill";
import { fakeClock } from "@sluice/local";

/** A client whose answers have these dates, one after another; the last one stays. */
const clientWith = (...dates: readonly (string | undefined)[]) => {
  let answers = 0;
  const client = new DynamoDB({
    region: "us-east-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    requestHandler: {
      handle: async () => {
        const date = dates[Math.min(answers, dates.length - 1)];
        answers += 1;
        const headers = { "content-type": "application/x-amz-json-1.0", ...(date !== undefined && { date }) };
        const body = Readable.from([Buffer.from('{"Table":{}}')]);
        return { response: { statusCode: 200, headers, body } as never };
      },
    },
  });
  return { client, answers: () => answers };
};

const micros = (text: string): string => String(Date.parse(text) * 1_000);

test.each([
  ["Thu, 01 Jan 2015 00:00:00 GMT", "Thu, 01 Jan 2015 00:00:01 GMT"],
  ["Fri, 01 Jan 2100 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:01 GMT"],
])("is the time of the server, whatever the machine's clock says: %s", async (first, second) => {
  const { client, answers } = clientWith(first, first, second);
  expect(await tableTime({ client, table: "orders", clock: fakeClock() })).toBe(micros(second));
  expect(answers()).toBe(3);
});

test("is not an earlier time that another server of DynamoDB gives", async () => {
  const [early, middle, late] = [0, 1, 2].map((second) => `Thu, 01 Jan 2026 00:00:0${second} GMT`);
  const { client } = clientWith(middle, early, late);
  expect(await tableTime({ client, table: "orders", clock: fakeClock() })).toBe(micros(late ?? ""));
});

test("is returned after two seconds if the server's clock stands still", async () => {
  const clock = fakeClock();
  const date = "Thu, 01 Jan 2026 00:00:00 GMT";
  expect(await tableTime({ client: clientWith(date).client, table: "orders", clock })).toBe(micros(date));
  expect(clock.now()).toBe(2_000);
});

test.each([[undefined], ["no date"]])("is an error if the answer's date is %p", async (date) => {
  await expect(tableTime({ client: clientWith(date).client, table: "orders" })).rejects.toMatchObject({
    name: "SourceError",
    message: "[table orders] DynamoDB's answer has no date; expected the header Date",
  });
});

test("may be asked for twice at the same time, and leaves the client as it was", async () => {
  const { client } = clientWith("Thu, 01 Jan 2026 00:00:00 GMT");
  const names = (): string => JSON.stringify(client.middlewareStack.identify());
  const before = names();
  const clock = fakeClock();
  const times = await Promise.all([1, 2].map(() => tableTime({ client, table: "orders", clock })));
  expect(new Set(times).size).toBe(1);
  expect(names()).toBe(before);
});
