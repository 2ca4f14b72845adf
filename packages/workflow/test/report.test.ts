import { describe, expect, test } from "@jest/globals";
import { type FinalState, type Notification, type Progress, type ReportOptions, reportHandler } from "../src/index.ts";
import { noProgress } from "../src/redrive/progress.ts";
import { memoryQueue, queueUrl, startMs } from "./memory-queue.ts";
import { keptLines } from "./rig.ts";

const run = "arn:aws:states:eu-west-1:123456789012:execution:redrive:1";
const startedAt = new Date(startMs).toISOString();
const done: Progress = { ...noProgress, next: "done", batches: 1 };

const reported = async (state: FinalState, options: ReportOptions = {}) => {
  const queue = memoryQueue();
  const sent: Notification[] = [];
  const { lines, ...logger } = keptLines();
  const clock = { now: () => startMs + 90_000, sleep: async () => undefined, random: () => 0 };
  const sendMail = async (notification: Notification) => sent.push(notification);
  const given = { queueUrl, logger, clock, sendMail, clients: { sqs: queue.client }, ...options };
  const report = await reportHandler(given)({ run, mode: "redrive", startedAt, state });
  return { report, sent, lines };
};

const inspection = {
  isEmpty: false,
  depth: { visible: 9, inFlight: 0, delayed: 0 },
  sample: { size: 0, counts: {} },
  settings: {},
};

describe("the report", () => {
  test.each<[string, string, FinalState]>([
    ["completed", "", { inspection, progress: done }],
    ["completed", "", { inspection, approval: { decision: "approved" }, progress: done }],
    ["empty", "", { inspection: { ...inspection, isEmpty: true }, progress: noProgress }],
    ["rejected", "", { inspection, approval: { decision: "rejected" }, progress: noProgress }],
    ["rejected", "", { inspection, approval: {}, progress: noProgress }],
    ["expired", "", { inspection, expired: { Error: "States.Timeout" }, progress: noProgress }],
    ["stopped", "maxFailures", { inspection, progress: { ...done, next: "stopped", reason: "failures" } }],
    ["stopped", "maxMessages", { inspection, progress: { ...done, next: "stopped", reason: "messages" } }],
    ["stopped", "maxBatches", { inspection, progress: { ...done, next: "more" } }],
    [
      "failed",
      "failed in too many requests in a row",
      { inspection, progress: { ...done, next: "stopped", reason: "pipeline" } },
    ],
    ["failed", "RedriveThrottledError: slow", { inspection, error: { Error: "RedriveThrottledError", Cause: "slow" } }],
    ["failed", "Sandbox.Timedout: ", { error: { Error: "Sandbox.Timedout" } }],
    ["failed", "an unknown error", { error: {} }],
  ])("names the outcome and the reason: %s %s", async (outcome, reason, state) => {
    const { report, sent } = await reported(state);
    expect(report.outcome).toBe(outcome);
    expect(report.reason).toContain(reason);
    expect(sent[0]?.subject).toBe(`Redrive of dead letters in orders-dead: ${outcome}`);
  });

  test("contains the counts, the messages that are left, and the queue's depth, as data and as text", async () => {
    const counts = { ...noProgress.counts, received: 10, delivered: 6, dropped: 1, left: 3 };
    const left = { copy: { MAPPING_FAILED: 1 }, webhook: { SINK_REJECTED: 2 } };
    const progress = { ...done, counts, left, notDeleted: 1, interrupted: 2 };
    const { report, lines } = await reported({ inspection, progress });
    expect(report).toMatchObject({ counts, left, queue: { now: { visible: 0 }, before: { visible: 9 } } });
    expect(report.text.split("\n")).toEqual([
      "Redrive of the dead letters in orders-dead: completed",
      "",
      "    10  received",
      "     6  delivered",
      "     0  superseded",
      "     0  filtered",
      "     0  moved",
      "     0  republished",
      "     1  dropped",
      "     3  left",
      "1 of them are done but could not be deleted: they are received again.",
      "2 attempts of a batch were interrupted. Their messages are not counted.",
      "Those that are not done are visible in the queue again, for another run.",
      "",
      "Left in the queue, by sink and code:",
      "",
      "     2  webhook  SINK_REJECTED",
      "     1  copy  MAPPING_FAILED",
      "",
      "Queue before: about 9 messages, 0 in flight, 0 delayed",
      "Queue now: about 0 messages, 0 in flight, 0 delayed",
      "Mode: redrive. From 2026-11-25T12:00:00.000Z to 2026-11-25T12:01:30.000Z, in 1 batches.",
      `Execution: ${run}`,
    ]);
    expect(lines).toMatchObject([
      { level: "info", message: "redrive ended", fields: { outcome: "completed", counts } },
    ]);
  });

  test("contains the message of a function's error, without the stack", async () => {
    const Cause = JSON.stringify({ errorType: "ConfigError", errorMessage: 'option "x" is missing', trace: ["at y"] });
    const { report } = await reported({ error: { Error: "ConfigError", Cause } });
    expect(report.reason).toBe('ConfigError: option "x" is missing');
  });

  test("is created even if the queue cannot be reached", async () => {
    const sqs = { ...memoryQueue().client, getQueueAttributes: () => Promise.reject(new Error("denied")) };
    const { report, lines } = await reported({ progress: done }, { clients: { sqs } });
    expect(report.queue.now).toBeUndefined();
    expect(lines[0]).toMatchObject({ level: "warn", fields: { reason: "Error: denied" } });
  });

  test("is sent to the topic, and is not sent without a topic", async () => {
    const published: unknown[] = [];
    const sns = { publish: async (input: unknown) => published.push(input) };
    const sqs = memoryQueue().client;
    const handler = reportHandler({ queueUrl, topicArn: "arn", logger: keptLines(), clients: { sqs, sns } });
    await handler({ run, mode: "redrive", startedAt, state: { progress: done } });
    expect(published).toMatchObject([{ TopicArn: "arn", Message: expect.stringContaining("completed") }]);
    const silentOne = reportHandler({ queueUrl, logger: keptLines(), clients: { sqs } });
    expect(await silentOne({ run, mode: "redrive", startedAt, state: {} })).toMatchObject({ outcome: "stopped" });
  });

  test("that cannot be sent fails its state, which is retried", async () => {
    const sendMail = () => Promise.reject(new Error("smtp"));
    await expect(reported({ progress: done }, { sendMail })).rejects.toThrow("smtp");
  });
});
