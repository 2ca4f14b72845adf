import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { expect, test } from "@jest/globals";
import { streamEvent, streamRecord } from "@sluice/testing";
import { z } from "zod";
import { isNumberValue, type NumberValue, pipeline } from "../src/index.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const exactNumber = z.custom<number | NumberValue>((value) => typeof value === "number" || isNumberValue(value));
const account = z.object({ pk: z.string(), sk: z.string(), balance: exactNumber });
const exact = NumberValueImpl.from("9007199254740993");

test("a schema accepts a number that a double would round, and the mapper gets it unchanged", async () => {
  const sink = scriptedSink({ writes: "upsert" });
  const handler = pipeline("p", { onReject: "block", schema: account, logger: recordingLogger() })
    .to(sink, ({ after }) => String(after.balance))
    .handler();
  const record = streamRecord({ after: { pk: "a", sk: "1", balance: exact } });
  expect(await handler(streamEvent([record]))).toEqual({ batchItemFailures: [] });
  expect([...sink.held().values()]).toEqual(["9007199254740993"]);
});

test.each([1, "1", null, undefined, {}, [], new Map(), () => 1, { toAttributeValue: 1 }])(
  "a value that is not such a number: %p",
  (value) => expect(isNumberValue(value)).toBe(false),
);
