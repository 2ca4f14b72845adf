// The overview of a deployment on ministack: its numbers are those that the function reported.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMinistack } from "@sluice/local";
import fc from "fast-check";
import { createDeployment, secrets, type TestDeployment } from "../../../inspect/test/support/deployment.ts";
import { observedClients } from "../../../inspect/test/support/observed-clients.ts";
import { discover } from "../../src/console/discovery.ts";
import { readOverview } from "../../src/console/overview.ts";
import { queuesOf } from "../../src/console/queues.ts";
import { expectedRoute, putReports, type Reported } from "./metrics.ts";

const describeWithMinistack = await engineOrSkip({ describe, test, afterAll }, () => startMinistack());

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

const none = { retryQueues: [], deadLetters: [] };

const overviewOf = async ({ clients, functionName }: TestDeployment, now: number, routes?: readonly string[]) => {
  const discovery = await discover(clients, functionName, undefined);
  const deployment = discovery.now();
  const { metricRoutes } = deployment;
  return readOverview(clients, now, {
    pipeline: "orders",
    routes: routes ?? ("value" in metricRoutes ? metricRoutes.value : []),
    queues: queuesOf("orders", deployment.facts, none),
    deployment,
  });
};

const count = fc.nat({ max: 50 });

const reported: fc.Arbitrary<Reported> = fc.record({
  route: fc.constantFrom("postgres", "search", "größe"),
  minutesAgo: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 200 })),
  delivered: count,
  superseded: count,
  filtered: count,
  rejected: count,
  retried: count,
  lagMs: fc.nat({ max: 100_000 }),
  pending: fc.oneof(fc.constant(0), count),
  pendingAgeMs: fc.nat({ max: 1_000_000 }),
});

describeWithMinistack("the overview of a deployment", (ministack) => {
  test("has the numbers that the function reported", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(reported, { maxLength: 30 }), async (reports) => {
        const deployment = await createDeployment(ministack);
        const now = Date.now();
        const routes = ["postgres", "search", "größe"];
        await putReports(deployment.clients.cloudwatch, deployment.functionName, reports, now);
        const { routes: found } = await overviewOf(deployment, now, routes);
        const withoutPercentiles = found.map(({ lagP95Ms: _, ...rest }) => rest);
        expect(withoutPercentiles).toEqual(routes.map((route) => expectedRoute(route, reports, now)));
        for (const { route, lagMs, lagP95Ms } of found) {
          const lags = reports.filter((one) => one.route === route && one.minutesAgo <= 20).map((one) => one.lagMs);
          if (lagMs !== undefined) expect(lagP95Ms).toBeDefined();
          if (lagP95Ms === undefined) continue;
          // The engine may interpolate.
          expect(lagP95Ms).toBeGreaterThanOrEqual(Math.min(...lags));
          expect(lagP95Ms).toBeLessThanOrEqual(Math.max(...lags));
        }
        deployment.close();
      }),
      { seed, numRuns: 12, endOnFailure: true },
    );
  });

  test("finds the routes by their metrics, the queues by the function, and counts messages", async () => {
    const deployment = await createDeployment(ministack);
    const { clients, functionName, deadLetterQueueUrl, retryQueueUrl } = deployment;
    const now = Date.now();
    const report = { minutesAgo: 1, delivered: 3, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
    const rest = { lagMs: 900, pending: 0, pendingAgeMs: 0 };
    await putReports(
      clients.cloudwatch,
      functionName,
      ["postgres", "search"].map((route) => ({ route, ...report, ...rest })),
      now,
    );
    for (const body of ["a", "b"]) await clients.sqs.sendMessage({ QueueUrl: deadLetterQueueUrl, MessageBody: body });
    await clients.sqs.sendMessage({ QueueUrl: retryQueueUrl, MessageBody: "c", DelaySeconds: 900 });
    const overview = await overviewOf(deployment, now);
    expect(overview.problems).toEqual([]);
    expect(overview.routes.map(({ route, counts }) => [route, counts.delivered])).toEqual([
      ["postgres", 3],
      ["search", 3],
    ]);
    expect(overview.queues).toEqual([
      expect.objectContaining({ kind: "retry queue", url: retryQueueUrl, visible: 0, delayed: 1 }),
      expect.objectContaining({ kind: "dead letters", url: deadLetterQueueUrl, visible: 2, inFlight: 0, delayed: 0 }),
    ]);
    expect(overview.pipelines).toEqual([expect.objectContaining({ name: "orders", status: "running" })]);
    for (const secret of Object.values(secrets)) expect(JSON.stringify(overview)).not.toContain(secret);
    deployment.close();
  });

  test("says what Lambda says of the function: errors, the age of the stream, a mapping that is disabled", async () => {
    const deployment = await createDeployment(ministack);
    const { clients, functionName, mappingId, tableName } = deployment;
    const now = Date.now();
    const put = (MetricName: string, Value: number) =>
      clients.cloudwatch.putMetricData({
        Namespace: "AWS/Lambda",
        MetricData: [
          {
            MetricName,
            Value,
            Timestamp: new Date(now - 120_000),
            Dimensions: [{ Name: "FunctionName", Value: functionName }],
          },
        ],
      });
    await put("Errors", 3);
    await put("IteratorAge", 125_000);
    await clients.lambda.updateEventSourceMapping({ UUID: mappingId, Enabled: false });
    const { pipelines } = await overviewOf(deployment, now);
    expect(pipelines).toEqual([
      expect.objectContaining({
        status: "broken",
        reason: expect.stringMatching(new RegExp(`^the event source mapping of ${tableName} is Disabl`)),
        notes: [
          "3 errors of the function in the last 3 hours",
          "age of the newest batch of the stream (IteratorAge): 2 min 5 s",
        ],
      }),
    ]);
    deployment.close();
  });

  test("without a metric, names the variable that is missing", async () => {
    const deployment = await createDeployment(ministack);
    const { problems, routes } = await overviewOf(deployment, Date.now());
    expect(routes).toEqual([]);
    expect(problems).toEqual([
      `CloudWatch has no metric of the namespace Sluice of the function ${deployment.functionName}: ` +
        "expected the variable SLUICE_METRICS=emf of the function; sluice doctor prints the command",
    ]);
    deployment.close();
  });

  test("the numbers of a queue that was deleted, and of the others", async () => {
    const deployment = await createDeployment(ministack);
    const { clients, retryQueueUrl } = deployment;
    await clients.sqs.deleteQueue({ QueueUrl: retryQueueUrl });
    const { queues } = await overviewOf(deployment, Date.now());
    expect(queues.map(({ kind, problem }) => [kind, problem])).toEqual([
      ["retry queue", "the queue does not exist"],
      ["dead letters", undefined],
    ]);
    deployment.close();
  });

  /** What the overview asks, and where the answer's absence shows. */
  const asked = [
    "lambda:GetFunctionConfiguration",
    "lambda:ListEventSourceMappings",
    "dynamodb:DescribeTable",
    "cloudwatch:ListMetrics",
    "cloudwatch:GetMetricData",
    "sqs:GetQueueAttributes",
  ];

  test("whatever is denied is a line, and never an error", async () => {
    const deployment = await createDeployment(ministack);
    await fc.assert(
      fc.asyncProperty(fc.subarray(asked), async (denied) => {
        const observed = observedClients(ministack);
        for (const action of denied) observed.deny(action);
        const { problems, queues, pipelines } = await overviewOf({ ...deployment, ...observed }, Date.now());
        const lines = [...problems, ...queues.flatMap(({ problem }) => problem ?? [])];
        for (const action of denied.filter((one) => observed.calls.includes(one))) {
          expect(lines).toContainEqual(expect.stringContaining(`${action} was answered with AccessDeniedException`));
        }
        for (const action of asked.filter((one) => !denied.includes(one))) {
          expect(lines).not.toContainEqual(expect.stringContaining(`${action} was answered`));
        }
        expect(pipelines).toHaveLength(1);
        for (const client of Object.values(observed.clients)) client.destroy();
      }),
      { seed, numRuns: 30, endOnFailure: true },
    );
    deployment.close();
  });
});
