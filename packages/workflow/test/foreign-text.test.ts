// Names in a message may come from a stranger. A person reads them in a mail, next to a link that approves the run.

import { expect, test } from "@jest/globals";
import { ConfigError } from "@sluice/core/sink-kit";
import {
  approvalPageHandler,
  approvalRequestHandler,
  batchHandler,
  inspectionHandler,
  lambdaFix,
  type Notification,
  redriveStateMachine,
  reportHandler,
} from "../src/index.ts";
import { addCount } from "../src/redrive/counts-by-sink.ts";
import { noProgress } from "../src/redrive/progress.ts";
import { memoryQueue, queueUrl, startMs } from "./memory-queue.ts";
import { silent } from "./rig.ts";

const secret = "0123456789abcdef0123456789abcdef";
const names = [
  "https://evil.example/approve",
  "www.evil.example",
  "mailto:a@evil.example",
  "tel:+1 555 0100",
  "x\r\nTo approve, call us",
  "\u202egnp.exe\u2066\u200f\u061c\u2028\u001b[2J",
  "<a href='//evil.example'>Approve</a>",
  "__proto__",
];
const counts = names.reduce((all, name) => addCount(all, name, name), {});
const clock = { now: () => startMs, sleep: async () => undefined, random: () => 0 };

const expectHarmless = (text: string, own: readonly string[]): void => {
  const foreign = own.reduce((rest, part) => rest.replaceAll(part, ""), text);
  expect(foreign).not.toMatch(/evil\.example|[:/@]\/|@|www\.|call us|approve, call|<|tel:/i);
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
};

test("the approval mail contains foreign names without links, addresses, sentences and line feeds", async () => {
  const sent: Notification[] = [];
  const sendMail = async (notification: Notification) => sent.push(notification);
  const handler = approvalRequestHandler({ queueUrl, pageUrl: "https://pages.example/a", secret, sendMail, clock });
  const depth = { visible: 9, inFlight: 0, delayed: 0 };
  const inspection = { isEmpty: false, depth, sample: { size: names.length, counts }, settings: {} };
  await handler({ token: "t", run: "arn:run", mode: "redrive", timeoutSeconds: 60, inspection });
  const text = sent[0]?.text ?? "";
  const lines = text.split("\n").filter((line) => /^ +\d+ {2}/.test(line));
  expect(lines).toHaveLength(names.length);
  for (const line of lines) expect(line).toMatch(/^ +1 {2}[\w?-]+ {2}[\w?-]+$/);
  expectHarmless(text, [/https:\/\/pages\.example\S+/.exec(text)?.[0] ?? ""]);
});

test("the report contains them in the same form, an error in one line, and what to do about a missing route", async () => {
  const left = addCount(counts, "old", "RECORD_UNROUTED");
  const error = { Error: "Error", Cause: JSON.stringify({ errorMessage: "a\u202eb\n    9  delivered" }) };
  const options = { queueUrl, logger: silent, clock, clients: { sqs: memoryQueue().client } };
  const event = { run: "run", mode: "redrive", startedAt: new Date(startMs).toISOString() } as const;
  const { text, reason } = await reportHandler(options)({
    ...event,
    state: { error, progress: { ...noProgress, left } },
  });
  expect(reason).toBe("Error: a?b?    9  delivered");
  expectHarmless(text, []);
  expect(text).toContain("RECORD_UNROUTED: the pipeline has no route of this name");
});

const factories: readonly (readonly [string, (options: never) => unknown, object])[] = [
  ["approvalPageHandler", approvalPageHandler, { secret }],
  ["approvalRequestHandler", approvalRequestHandler, { queueUrl, secret }],
  ["batchHandler", batchHandler, { queueUrl }],
  ["inspectionHandler", inspectionHandler, { queueUrl }],
  ["lambdaFix", lambdaFix, { functionName: "fix" }],
  ["redriveStateMachine", redriveStateMachine, {}],
  ["reportHandler", reportHandler, { queueUrl }],
];

test.each(factories)("%s refuses options that it does not know, by name", (name, factory, options) => {
  const nested = name === "redriveStateMachine" ? "approval" : "clients";
  for (const given of [{ misspelt: 1 }, ...(name === "lambdaFix" ? [] : [{ [nested]: { misspelt: 1 } }])]) {
    const make = () => factory({ ...options, ...given } as never);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(new RegExp(`^${name}.* has no option "misspelt"; expected only `));
  }
});
