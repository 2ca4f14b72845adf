import { expect, test } from "@jest/globals";
import { lambdaContext } from "@sluice/testing";
import fc from "fast-check";
import { batchHandler, type LambdaClient, type Progress, type RedriveQueueClient } from "../src/index.ts";
import { noProgress } from "../src/redrive/progress.ts";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { memoryQueue, queueUrl, startMs } from "./memory-queue.ts";
import { functionError, invoking, orders, silent } from "./rig.ts";

const run = "arn:aws:states:eu-west-1:123456789012:execution:redrive:1";

/** A Lambda environment that crashes before or after request number `diesAt`, and then sends no more requests. */
const mortal = (diesAt: number | undefined, after: boolean) => {
  let requests = 0;
  let dead = false;
  const ask =
    <Input extends unknown[], Output>(effect: (...input: Input) => Promise<Output>) =>
    async (...input: Input): Promise<Output> => {
      requests += 1;
      const isLast = requests === diesAt;
      if (dead || (isLast && !after)) {
        dead = true;
        throw new Error("died");
      }
      const output = await effect(...input);
      if (isLast) dead = true;
      if (dead) throw new Error("died");
      return output;
    };
  return { ask, isDead: () => dead };
};

const mortalQueue = ({ ask }: ReturnType<typeof mortal>, client: RedriveQueueClient): RedriveQueueClient => ({
  receiveMessage: ask(client.receiveMessage),
  deleteMessageBatch: ask(client.deleteMessageBatch),
  changeMessageVisibilityBatch: ask(client.changeMessageVisibilityBatch),
  getQueueAttributes: ask(client.getQueueAttributes),
});

const letterKinds = fc.constantFrom("good", "bad", "deadly", "drop", "fails to be fixed", "no envelope");

const bodyOfKind = (kind: string, n: number): string =>
  kind === "no envelope" ? `{"n":${n}}` : bodyFor(orderRecord(`o-${n}`, n, { kind, bad: kind === "bad" }));

const kindIn = (text: string): string | undefined => /"kind":\{"S":"([^"]+)"/.exec(text)?.[1];

const fix = ({ record }: { record: { dynamodb?: unknown } }) => {
  const kind = kindIn(JSON.stringify(record));
  if (kind === "fails to be fixed") throw new Error("cannot");
  return kind === "drop" ? "drop" : undefined;
};

test("a run loses no message wherever it crashes, attempts no message twice, and has counts that add up", async () => {
  const deaths = fc.array(fc.record({ at: fc.integer({ min: 1, max: 40 }), after: fc.boolean() }), { maxLength: 3 });
  const property = fc.asyncProperty(
    fc.array(letterKinds, { maxLength: 60 }),
    deaths,
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 65_000, max: 300_000 }),
    async (kinds, deathList, chunkSize, timeoutMs) => {
      const queue = memoryQueue();
      const { target, handler } = orders();
      const bodies = kinds.map((kind, index) => bodyOfKind(kind, index + 1));
      queue.send(...bodies);
      const sent: string[] = [];
      const invoke: LambdaClient["invoke"] = async (input) => {
        queue.advance(2_000);
        const records = JSON.parse(input.Payload).Records as { messageId: string; body: string }[];
        if (records.some(({ body }) => kindIn(body) === "deadly")) return functionError("Runtime.ExitError");
        sent.push(...records.map(({ messageId }) => messageId));
        return invoking(handler)(input);
      };
      const once = async (progress: Progress, death: { at: number; after: boolean } | undefined) => {
        const life = mortal(death?.at, death?.after ?? false);
        const batch = batchHandler({
          queueUrl,
          pipelineFunction: "orders",
          fix: async (envelope) => fix(envelope),
          logger: silent,
          chunkSize,
          clock: { now: queue.now, sleep: () => new Promise(() => undefined), random: () => 0 },
          clients: { sqs: mortalQueue(life, queue.client), lambda: { invoke: life.ask(invoke) } },
        });
        const endsAt = queue.now() + timeoutMs;
        const event = {
          mode: "redrive" as const,
          run,
          startedAt: new Date(startMs).toISOString(),
          retries: 0,
          settings: {},
        };
        const context = lambdaContext({ remainingMs: () => endsAt - queue.now() });
        try {
          const after = await batch({ ...event, progress }, context);
          return life.isDead() ? undefined : after;
        } catch (error) {
          if (!life.isDead()) throw error;
          return undefined;
        }
      };

      // After a crash, runs the batch again later with the same input, like the state machine.
      let progress = noProgress;
      const left = [...deathList];
      for (let batches = 0; progress.next === "more"; batches += 1) {
        expect(batches).toBeLessThan(200);
        const after = await once(progress, left.shift());
        if (after === undefined) queue.advance(timeoutMs + 60_000);
        else progress = after;
      }
      const { received, ...others } = progress.counts;
      expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBe(received);

      // No message is lost: good messages were delivered or are in the queue, and failed messages are in the queue.
      const there = new Set(queue.bodies());
      const delivered = new Set([...target.items().values()].map((item) => (item as { id: string }).id));
      kinds.forEach((kind, index) => {
        const stays = there.has(bodies[index] as string);
        if (kind === "good") expect(stays || delivered.has(`o-${index + 1}`)).toBe(true);
        else if (kind !== "drop") expect(stays).toBe(true);
      });
      // The counts below are exact only if no batch crashed and the run was not stopped by several failures in a row.
      if (deathList.length > 0 || progress.reason === "pipeline") return;
      expect(new Set(sent).size).toBe(sent.length);
      expect(received).toBe(kinds.length);
      expect(delivered.size).toBe(kinds.filter((kind) => kind === "good").length);
      expect(there.size).toBe(kinds.filter((kind) => kind !== "good" && kind !== "drop").length);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
