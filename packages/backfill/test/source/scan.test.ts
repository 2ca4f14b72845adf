// The scan on a table in memory that throttles, fails, and answers oddly.

import { describe, expect, test } from "@jest/globals";
import { type ReadRate, type ScanClient, type SourcePage, scanSource, segmentCount, type Unit } from "@sluice/backfill";
import { fakeClock } from "@sluice/local";
import { never, origin } from "../support/origin.ts";

const asOf = "1767322800000000";
const unit: Unit = { kind: "segment", segment: 0, segments: 1 };

type Output = Awaited<ReturnType<ScanClient["scan"]>>;
type Input = Parameters<ScanClient["scan"]>[0];

/** A client that gives these answers, one after another. */
const answering = (...answers: readonly (Output | Error)[]) => {
  const inputs: Input[] = [];
  const client: ScanClient = {
    scan: async (input) => {
      const answer = answers[inputs.length] ?? new Error("no answer left");
      inputs.push(input);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { client, inputs };
};

const awsError = (name: string, httpStatusCode: number, message = "no"): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

const itemOf = (id: string) => ({ id: { S: id } });

const rateWith = (log: (string | number)[]): ReadRate => ({
  take: async () => (units) => {
    log.push(units);
  },
  throttled: () => log.push("throttled"),
  setUnitsPerSecond: () => undefined,
  unitsPerSecond: () => 1,
});

const read = async (
  client: ScanClient,
  options: { rate?: ReadRate; after?: string; segments?: number; unit?: Unit } = {},
): Promise<SourcePage[]> => {
  const source = scanSource({
    ...{ client, table: "orders", origin, asOf, segments: options.segments ?? 1, rate: options.rate },
    clock: fakeClock(),
  });
  const pages: SourcePage[] = [];
  for await (const page of source.pages(options.unit ?? unit, options.after, never())) pages.push(page);
  return pages;
};

test("a page may be empty and have a cursor, and an answer may lack items and cost", async () => {
  const { client, inputs } = answering(
    { Items: [], LastEvaluatedKey: itemOf("a") },
    { LastEvaluatedKey: itemOf("b") },
    {},
  );
  const pages = await read(client);
  expect(pages.map(({ records }) => records.length)).toEqual([0, 0, 0]);
  expect(pages.map(({ cursor }) => cursor !== undefined)).toEqual([true, true, false]);
  expect(pages.every(({ readUnits }) => readUnits > 0 && readUnits < 1)).toBe(true);
  expect(inputs.map(({ ExclusiveStartKey }) => ExclusiveStartKey)).toEqual([undefined, itemOf("a"), itemOf("b")]);
});

test("a cursor keeps the bytes of a key, and is text", async () => {
  const key = { id: { B: new Uint8Array([0, 255, 10]) } };
  const [page] = await read(answering({ LastEvaluatedKey: key }, {}).client);
  expect(page?.cursor).toMatch(/^[\w-]+$/);
  const { client, inputs } = answering({});
  await read(client, { after: page?.cursor ?? "" });
  expect(inputs[0]?.ExclusiveStartKey).toEqual(key);
});

test.each(["", "x", "bnVsbA", "e30=", Buffer.from('{"id":{"S":5}}').toString("base64url")])(
  "the cursor %j, which is no cursor, is refused without a request",
  async (after) => {
    const { client, inputs } = answering({});
    await expect(read(client, { after })).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringContaining("expected a cursor that this source returned"),
    });
    expect(inputs).toEqual([]);
  },
);

test("a throttled page lowers the rate and is read again, at no cost", async () => {
  const log: (string | number)[] = [];
  const answer = { Items: [itemOf("a")], ConsumedCapacity: { CapacityUnits: 7 } };
  const throttle = awsError("ProvisionedThroughputExceededException", 400);
  const [page] = await read(answering(throttle, throttle, answer).client, { rate: rateWith(log) });
  expect(log).toEqual([0, "throttled", 0, "throttled", 7]);
  expect(page).toMatchObject({ readUnits: 7, cursor: undefined });
});

test("the rate is lowered, too, when the SDK has repeated the request itself", async () => {
  const log: (string | number)[] = [];
  await read(answering({ $metadata: { attempts: 2 } }).client, { rate: rateWith(log) });
  expect(log[0]).toBe("throttled");
});

const network = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });

test.each([
  ["InternalServerError", awsError("InternalServerError", 500)],
  ["a status 503", awsError("Unknown", 503)],
  ["a closed connection", network],
])("%s is retried", async (_, error) => {
  expect(await read(answering(error, error, {}).client)).toHaveLength(1);
});

test("a failure that stays is transient, so that the run can be resumed", async () => {
  const client: ScanClient = { scan: () => Promise.reject(network) };
  await expect(read(client)).rejects.toMatchObject({ name: "SourceError", isTransient: true });
});

describe("a failure that does not pass", () => {
  test.each([
    ["AccessDeniedException", /answered AccessDenied: no; expected valid credentials with dynamodb:Scan/],
    ["ResourceNotFoundException", /answered ResourceNotFound: no; expected the name of a table/],
    ["UnrecognizedClientException", /expected valid credentials/],
    ["ValidationException", /its text is withheld/],
  ])("%s is thrown at once", async (name, message) => {
    const { client, inputs } = answering(awsError(name, 400));
    await expect(read(client)).rejects.toMatchObject({
      name: "SourceError",
      isTransient: false,
      message: expect.stringMatching(message),
    });
    expect(inputs).toHaveLength(1);
  });

  test("comes after the page before it", async () => {
    const { client } = answering(
      { Items: [itemOf("a")], LastEvaluatedKey: itemOf("a") },
      awsError("AccessDenied", 400),
    );
    const source = scanSource({ client, table: "orders", origin, asOf, segments: 1 });
    const pages = source.pages(unit, undefined, never())[Symbol.asyncIterator]();
    expect(await pages.next()).toMatchObject({ value: { cursor: expect.any(String) } });
    await expect(pages.next()).rejects.toMatchObject({ name: "SourceError" });
  });
});

test("an item without the table's key is refused by the name of the key", async () => {
  const client = answering({ Items: [{ other: { S: "secret" } }] }).client;
  await expect(read(client)).rejects.toThrow("[table orders] an item has no key attribute id; expected id");
});

test("a unit of another number of segments is refused", async () => {
  await expect(read(answering({}).client, { segments: 2 })).rejects.toThrow("expected a segment of 2");
});

test("the next page is requested before the present one is taken back", async () => {
  const { client, inputs } = answering({ LastEvaluatedKey: itemOf("a") }, { LastEvaluatedKey: itemOf("b") }, {});
  const source = scanSource({ client, table: "orders", origin, asOf, segments: 1 });
  const pages = source.pages(unit, undefined, never())[Symbol.asyncIterator]();
  await pages.next();
  await new Promise(setImmediate);
  expect(inputs).toHaveLength(2);
});

test("a consumer that leaves aborts the page that is being read ahead", async () => {
  const signals: AbortSignal[] = [];
  const client: ScanClient = {
    scan: (_, { abortSignal }) => {
      signals.push(abortSignal);
      if (signals.length === 1) return Promise.resolve({ LastEvaluatedKey: itemOf("a") });
      return new Promise((_, reject) => abortSignal.addEventListener("abort", () => reject(new Error("aborted"))));
    },
  };
  const source = scanSource({ client, table: "orders", origin, asOf, segments: 1 });
  for await (const page of source.pages(unit, undefined, never())) {
    expect(page.cursor).toBeDefined();
    await new Promise(setImmediate);
    break;
  }
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
});

describe("the segments", () => {
  const unitsOf = (run: string) =>
    scanSource({ client: answering().client, table: "t", origin: { ...origin, run }, asOf, segments: 100 }).units();
  const numbers = (units: readonly Unit[]): number[] =>
    units.map((entry) => (entry.kind === "segment" ? entry.segment : -1));

  test("are all there, in an order that depends on the run alone", async () => {
    const order = numbers(await unitsOf("run-1"));
    expect(numbers(await unitsOf("run-1"))).toEqual(order);
    expect(numbers(await unitsOf("run-2"))).not.toEqual(order);
    expect([...order].sort((one, other) => one - other)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(order).not.toEqual([...order].sort((one, other) => one - other));
  });

  test("are four for each worker, one for each 256 MB, and at most 10,000", () => {
    expect(segmentCount(0, 2)).toBe(8);
    expect(segmentCount(100 * 2 ** 30, 2)).toBe(400);
    expect(segmentCount(2 ** 50, 2)).toBe(10_000);
  });
});
