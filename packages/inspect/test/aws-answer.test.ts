// How AWS is asked: an error or a silence leaves the question open.

import { afterEach, expect, jest, test } from "@jest/globals";
import { ask, isAnswered, knownValue } from "../src/aws/answer.ts";

afterEach(() => {
  jest.useRealTimers();
});

const rejected = (name: string, more: object = {}) =>
  ask("sqs:GetQueueUrl", () => Promise.reject(Object.assign(new Error("canary"), { name, ...more })));

test("an answer is a value", async () => {
  const answer = await ask("sqs:GetQueueUrl", async () => 1);
  expect(answer).toEqual({ value: 1 });
  expect([isAnswered(answer), knownValue(answer)]).toEqual([true, 1]);
});

test.each([
  [{ name: "AccessDeniedException" }, "AccessDeniedException"],
  [{ name: "Error", code: "ECONNREFUSED" }, "ECONNREFUSED"],
  [{ name: "AggregateError", code: "ENOTFOUND" }, "ENOTFOUND"],
  [{ name: "Error" }, "Error"],
  [{ name: "Error", message: "Region is missing" }, "Region is missing"],
])("%j is the reason %s, without the error's message", async (error, reason) => {
  const answer = await rejected(error.name, error);
  expect(answer).toEqual({ unanswered: { action: "sqs:GetQueueUrl", reason } });
  expect(knownValue(answer)).toBe(undefined);
});

test("a resource that does not exist is an answer if the caller says so", async () => {
  const call = (): Promise<number> => Promise.reject(Object.assign(new Error(), { name: "QueueDoesNotExist" }));
  expect(await ask("sqs:GetQueueUrl", call, () => 0)).toEqual({ value: 0 });
  expect(await ask("sqs:GetQueueUrl", call)).toEqual({
    unanswered: { action: "sqs:GetQueueUrl", reason: "QueueDoesNotExist" },
  });
});

test("after ten seconds of silence the call is aborted", async () => {
  jest.useFakeTimers();
  let signal: AbortSignal | undefined;
  const answer = ask("sqs:GetQueueUrl", (given) => {
    signal = given;
    return new Promise<never>(() => undefined);
  });
  await jest.advanceTimersByTimeAsync(9_999);
  expect(signal?.aborted).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(await answer).toEqual({ unanswered: { action: "sqs:GetQueueUrl", reason: "timeout" } });
  expect(signal?.aborted).toBe(true);
});
