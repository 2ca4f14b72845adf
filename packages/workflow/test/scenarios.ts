// Test cases that execute the state machine with the real functions. Each importing file uses a different engine.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { InvocationContext } from "@sluice/core/envelope";
import type { BatchOptions } from "../src/index.ts";
import {
  approvalPageHandler,
  approvalRequestHandler,
  batchHandler,
  inspectionHandler,
  type LambdaClient,
  type Notification,
  type RedriveStateMachineOptions,
  type Report,
  redriveStateMachine,
  reportHandler,
  type SourceTableClient,
  type StateMachine,
  type TaskClient,
} from "../src/index.ts";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { type MemoryQueue, memoryQueue, queueUrl } from "./memory-queue.ts";
import { functionError, invoking, keptLines, type Line, orders, silent } from "./rig.ts";

/** A Lambda function that a test runs in its own process. */
export type LambdaFunction = (event: never, context?: InvocationContext) => Promise<unknown>;

/** The end of an execution. */
export interface Ended {
  readonly status: "SUCCEEDED" | "FAILED";
  readonly output: unknown;
  readonly error: string | undefined;
  /** States in the order in which they were entered. */
  readonly states: readonly string[];
}

/** An engine that runs state machines, with short delays between retries. */
export interface Engine {
  readonly run: (
    machine: StateMachine,
    functions: { readonly [placeholder: string]: LambdaFunction },
    input: unknown,
  ) => Promise<Ended>;
  readonly tasks: TaskClient;
  readonly stop: () => Promise<void>;
}

const secret = "0123456789abcdef0123456789abcdef";

interface World {
  readonly queue: MemoryQueue;
  readonly mails: Notification[];
  readonly lines: Line[];
  readonly delivered: () => unknown[];
  readonly run: (input?: unknown) => Promise<Ended & { readonly report: Report }>;
}

interface WorldOptions {
  readonly machine?: RedriveStateMachineOptions;
  readonly batch?: BatchOptions;
  readonly invoke?: LambdaClient["invoke"];
  readonly dynamodb?: SourceTableClient;
  /** Acts like the person who gets the link, for example approves. By default, this person does nothing. */
  readonly human?: (link: URL, page: ReturnType<typeof approvalPageHandler>) => Promise<unknown>;
  /** Replaces functions. Each key is the function's placeholder in the state machine. */
  readonly functions?: { readonly [placeholder: string]: (real: LambdaFunction) => LambdaFunction };
}

const request = (method: string, link: URL, body?: string) => ({
  requestContext: { http: { method } },
  queryStringParameters: { approval: link.searchParams.get("approval") ?? "" },
  ...(body !== undefined && { body }),
});

const linkIn = ({ text }: Notification): URL => new URL(/https:\S+/.exec(text)?.[0] ?? "");

const makeWorld = (engine: Engine, options: WorldOptions): World => {
  // The clock of the queue starts a minute before the real time, so that the messages are older than the execution.
  const queue = memoryQueue(Date.now() - 60_000);
  const { target, handler } = orders();
  const { lines, ...logger } = keptLines();
  const mails: Notification[] = [];
  let acts: Promise<unknown> | undefined;
  const page = approvalPageHandler({ secret, logger, clients: { sfn: engine.tasks } });
  const lambda: LambdaClient = { invoke: options.invoke ?? invoking(handler) };
  const clock = { now: queue.now, sleep: async (ms: number) => queue.advance(ms), random: () => 0 };
  const clients = { sqs: queue.client, lambda, ...(options.dynamodb && { dynamodb: options.dynamodb }) };
  const sendMail = async (mail: Notification): Promise<void> => {
    mails.push(mail);
    if (mail.subject.startsWith("Approve")) acts = options.human?.(linkIn(mail), page);
  };
  const real: { readonly [placeholder: string]: LambdaFunction } = {
    InspectionFunctionArn: inspectionHandler({ queueUrl, logger, clients }) as LambdaFunction,
    ApprovalRequestFunctionArn: approvalRequestHandler({
      queueUrl,
      pageUrl: "https://example.com/",
      secret,
      sendMail,
    }) as LambdaFunction,
    BatchFunctionArn: batchHandler({
      queueUrl,
      pipelineFunction: "orders",
      tableName: "Orders",
      logger,
      clock: {
        ...clock,
        sleep: (_ms, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      },
      clients,
      ...options.batch,
    }) as LambdaFunction,
    ReportFunctionArn: reportHandler({ queueUrl, logger, sendMail, clients }) as LambdaFunction,
  };
  const functions = Object.fromEntries(
    Object.entries(real).map(([name, one]) => [name, options.functions?.[name]?.(one) ?? one]),
  );
  return {
    queue,
    mails,
    lines,
    delivered: () => [...target.items().values()],
    run: async (input = {}) => {
      const ended = await engine.run(redriveStateMachine(options.machine), functions, input);
      await acts;
      const report = lines.find(({ message }) => message === "redrive ended")?.fields as unknown as Report;
      return { ...ended, report };
    },
  };
};

const deadLetters = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => bodyFor(orderRecord(`o-${index}`, index + 1)));
const bad = (n: number): string => bodyFor(orderRecord(`p-${n}`, n, { bad: true }));

const named = (name: string) => Object.assign(new Error("as the test wants it"), { name });
const failing =
  (name: string): LambdaFunction =>
  async () =>
    Promise.reject(named(name));

/** The first `times` calls fail with an error of this name. Later calls go to the real function. */
const failingTimes =
  (times: number, name: string) =>
  (real: LambdaFunction): LambdaFunction => {
    let calls = 0;
    return async (event, context) => {
      calls += 1;
      if (calls <= times) throw named(name);
      return real(event, context);
    };
  };

const straight = [
  "Inspect the queue",
  "Is the queue empty?",
  "Redrive a batch",
  "More?",
  "Report",
  "Ended well?",
  "Done",
];
const asked = ["Inspect the queue", "Is the queue empty?", "Ask for approval"];
const toReport = ["Report", "Ended well?"];

/** Declares the scenarios for an engine. */
export const scenarios = (name: string, start: () => Promise<Engine>): void => {
  describe(name, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start();
    });
    afterAll(() => engine?.stop());
    const made = (options: WorldOptions = {}): World => makeWorld(engine, options);

    describe("without an approval", () => {
      test("drains the queue, and sends a report", async () => {
        const { queue, run, mails, delivered } = made();
        queue.send(...deadLetters(120));
        const { status, states, output, report } = await run();
        expect([status, states]).toEqual(["SUCCEEDED", straight]);
        expect(output).toMatchObject({ outcome: "completed", counts: { received: 120, delivered: 120, left: 0 } });
        expect(report.run).toEqual(expect.stringContaining("execution"));
        expect(delivered()).toHaveLength(120);
        expect(queue.bodies()).toEqual([]);
        expect(mails.map(({ subject }) => subject)).toEqual(["Redrive of dead letters in orders-dead: completed"]);
      });

      test("continues batch by batch, up to the limit of batches", async () => {
        const batch = { chunkSize: 10, timeoutBufferMs: 900_000 };
        const { queue, run } = made({ batch, machine: { maxBatches: 3 } });
        queue.send(...deadLetters(50));
        const { status, report, states } = await run();
        expect([status, report.outcome, report.batches]).toEqual(["SUCCEEDED", "stopped", 3]);
        expect(report.counts).toMatchObject({ received: 30, delivered: 30 });
        expect(states.filter((state) => state === "Redrive a batch")).toHaveLength(3);
        expect(queue.bodies()).toHaveLength(20);
      });

      test("ends at once with an empty queue", async () => {
        const { run } = made();
        const { status, states, report } = await run();
        expect([status, states]).toEqual([
          "SUCCEEDED",
          ["Inspect the queue", "Is the queue empty?", "Report", "Ended well?", "Done"],
        ]);
        expect(report.outcome).toBe("empty");
      });

      test("uses the settings in its input", async () => {
        const { queue, run } = made({ machine: { maxMessages: 50 } });
        queue.send(...deadLetters(20));
        expect((await run({ maxMessages: 7 })).report).toMatchObject({ outcome: "stopped", counts: { received: 7 } });
        expect(queue.bodies()).toHaveLength(13);
      });

      test.each<[string, unknown]>([
        ["no setting", { progress: { next: "more" }, inspection: {}, approval: { decision: "approved" } }],
        ["no object", "x"],
      ])("refuses an input that is %s, and does nothing", async (_name, input) => {
        const { queue, run } = made();
        queue.send(...deadLetters(2));
        const { status, error, states, report } = await run(input);
        expect([status, error, states]).toEqual([
          "FAILED",
          "RedriveFailed",
          ["Inspect the queue", "Inspection failed", ...toReport, "Failed"],
        ]);
        expect(report.reason).toContain("ConfigError");
        expect(queue.bodies()).toHaveLength(2);
      });
    });

    describe("with an approval", () => {
      const machine = { approval: { timeoutSeconds: 30 } };

      test("redrives after the page's form has approved it", async () => {
        const statuses: number[] = [];
        const links: URL[] = [];
        const { queue, run, mails } = made({
          machine,
          human: async (link, page) => {
            links.push(link);
            // An e-mail scanner opens the link before the person opens it.
            for (const method of ["HEAD", "GET"]) statuses.push((await page(request(method, link))).statusCode);
            statuses.push((await page(request("POST", link, "decision=approve"))).statusCode);
          },
        });
        queue.send(...deadLetters(3));
        const { status, states, report } = await run();
        expect([status, states]).toEqual(["SUCCEEDED", [...asked, "Approved?", ...straight.slice(2)]]);
        expect(report).toMatchObject({ outcome: "completed", counts: { received: 3, delivered: 3 } });
        const page = approvalPageHandler({ secret, logger: silent, clients: { sfn: engine.tasks } });
        statuses.push((await page(request("POST", links[0] as URL, "decision=reject"))).statusCode);
        expect(statuses).toEqual([200, 200, 200, 410]);
        expect(mails).toHaveLength(2);
      });

      test("succeeds without changes when the run is rejected", async () => {
        const { queue, run } = made({ machine, human: (link, page) => page(request("POST", link, "decision=reject")) });
        queue.send(...deadLetters(3));
        const { status, states, report } = await run();
        expect([status, states]).toEqual(["SUCCEEDED", [...asked, "Approved?", ...toReport, "Done"]]);
        expect(report).toMatchObject({ outcome: "rejected", counts: { received: 0 } });
        expect(queue.visible()).toBe(3);
      });

      test("succeeds without changes when the approval times out", async () => {
        const links: URL[] = [];
        const { queue, run } = made({
          machine: { approval: { timeoutSeconds: 1 } },
          human: async (link) => links.push(link),
        });
        queue.send(...deadLetters(3));
        const { status, states, report } = await run();
        expect([status, states]).toEqual(["SUCCEEDED", [...asked, ...toReport, "Done"]]);
        expect(report.outcome).toBe("expired");
        expect(queue.visible()).toBe(3);
        const page = approvalPageHandler({ secret, logger: silent, clients: { sfn: engine.tasks } });
        expect((await page(request("POST", links[0] as URL, "decision=approve"))).statusCode).toBe(410);
      });

      test("does not ask for approval if the queue is empty", async () => {
        const { run, mails } = made({ machine });
        expect((await run()).report.outcome).toBe("empty");
        expect(mails).toHaveLength(1);
      });

      test("reports when the approval request cannot be sent", async () => {
        const { queue, run } = made({ machine, functions: { ApprovalRequestFunctionArn: () => failing("Error") } });
        queue.send(...deadLetters(1));
        const { status, states, report } = await run();
        expect([status, states]).toEqual(["FAILED", [...asked, ...toReport, "Failed"]]);
        expect(report).toMatchObject({ outcome: "failed", counts: { received: 0 } });
      });
    });

    describe("with failures", () => {
      test("leaves messages that are rejected again, and succeeds", async () => {
        const { queue, run } = made();
        queue.send(bad(1), ...deadLetters(3), bad(2));
        const { status, report } = await run();
        expect([status, report.outcome]).toEqual(["SUCCEEDED", "completed"]);
        expect(report).toMatchObject({
          counts: { received: 5, delivered: 3, left: 2 },
          left: { copy: { MAPPING_FAILED: 2 } },
        });
        expect(queue.visible()).toBe(2);
      });

      test("deletes messages that the fix drops, and leaves messages on which it fails", async () => {
        const fix: BatchOptions["fix"] = ({ id }) => {
          if (id === "drop") return "drop";
          if (id === "throw") throw new Error("a bug");
          return undefined;
        };
        const { queue, run } = made({ batch: { fix } });
        const record = orderRecord("o-1");
        queue.send(bodyFor(record, { id: "drop" }), bodyFor(record, { id: "throw" }), bodyFor(record, { id: "keep" }));
        const { status, report } = await run();
        expect(status).toBe("SUCCEEDED");
        expect(report.counts).toMatchObject({ received: 3, dropped: 1, delivered: 1, left: 1 });
        expect(report.left).toEqual({ copy: { FIX_FAILED: 1 } });
        expect(queue.bodies()).toEqual([bodyFor(record, { id: "throw" })]);
      });

      test("republishes, and leaves the items that were changed later", async () => {
        const touched: string[] = [];
        const changed = named("ConditionalCheckFailedException");
        const updateItem: SourceTableClient["updateItem"] = async ({ Key }) => {
          const id = JSON.stringify(Key);
          if (id.includes("o-1")) throw changed;
          touched.push(id);
        };
        const never = () => Promise.reject(new Error("not asked for"));
        const dynamodb = { updateItem, putItem: never, deleteItem: never };
        const { queue, run, delivered } = made({ machine: { mode: "republish" }, dynamodb });
        queue.send(...deadLetters(3));
        const { status, report } = await run();
        expect([status, report.mode]).toEqual(["SUCCEEDED", "republish"]);
        expect(report).toMatchObject({
          counts: { received: 3, republished: 2, left: 1 },
          left: { copy: { ITEM_CHANGED: 1 } },
        });
        expect([touched.length, delivered()]).toEqual([2, []]);
      });

      test("retries a throttled batch", async () => {
        let calls = 0;
        const world = made({
          invoke: (input) => {
            calls += 1;
            return calls < 3 ? Promise.reject(named("TooManyRequestsException")) : invoking(orders().handler)(input);
          },
        });
        world.queue.send(...deadLetters(2));
        const { status, report } = await world.run();
        expect([status, report.outcome]).toEqual(["SUCCEEDED", "completed"]);
        expect(report).toMatchObject({ counts: { received: 2, delivered: 2 } });
      });

      test("fails with a report when the pipeline stays throttled, and leaves all messages in the queue", async () => {
        let calls = 0;
        const world = made({
          invoke: () => {
            calls += 1;
            return Promise.reject(named("TooManyRequestsException"));
          },
        });
        world.queue.send(...deadLetters(2));
        const { status, error, states, report } = await world.run();
        expect([status, error]).toEqual(["FAILED", "RedriveFailed"]);
        expect(states.at(-1)).toBe("Failed");
        expect(report).toMatchObject({ outcome: "failed", reason: expect.stringContaining("RedriveThrottledError") });
        expect([calls, world.queue.visible()]).toEqual([9, 2]);
      });

      test("fails when Step Functions cannot call a function because of throttling", async () => {
        const world = made({ functions: { BatchFunctionArn: () => failing("Lambda.TooManyRequestsException") } });
        world.queue.send(...deadLetters(1));
        const { status, report } = await world.run();
        expect([status, report.outcome]).toEqual(["FAILED", "failed"]);
        expect(report.reason).toContain("Lambda.TooManyRequestsException");
      });

      test("stops when the pipeline's function is broken, keeps the counts, and fails", async () => {
        const world = made({ invoke: async () => functionError("Runtime.ImportModuleError") });
        world.queue.send(...deadLetters(20));
        const { status, report } = await world.run();
        expect([status, report.outcome, report.reason]).toEqual([
          "FAILED",
          "failed",
          expect.stringContaining("too many requests in a row"),
        ]);
        expect(report.counts.received).toBe(report.counts.left);
        expect(world.queue.visible()).toBe(20);
      });

      test("retries a batch that crashed, without loss of messages", async () => {
        const crash = (real: LambdaFunction): LambdaFunction => {
          let calls = 0;
          return async (event, context) => {
            calls += 1;
            if (calls > 1) world.queue.advance(1_000_000);
            else
              await world.queue.client.receiveMessage({
                QueueUrl: "",
                MaxNumberOfMessages: 10,
                VisibilityTimeout: 900,
                WaitTimeSeconds: 0,
                MessageSystemAttributeNames: [],
              });
            if (calls === 1) throw named("Sandbox.Timedout");
            return real(event, context);
          };
        };
        const world = made({ functions: { BatchFunctionArn: crash } });
        world.queue.send(...deadLetters(5));
        const { status, report } = await world.run();
        expect([status, report.outcome]).toEqual(["SUCCEEDED", "completed"]);
        expect(report.counts).toMatchObject({ received: 5, delivered: 5 });
      });

      test("retries a report that was not sent, and fails when it is never sent", async () => {
        const once = made({ functions: { ReportFunctionArn: failingTimes(2, "Error") } });
        expect((await once.run()).status).toBe("SUCCEEDED");
        const never = made({ functions: { ReportFunctionArn: () => failing("Error") } });
        expect(await never.run()).toMatchObject({ status: "FAILED", error: "RedriveNotReported" });
      });
    });
  });
};
