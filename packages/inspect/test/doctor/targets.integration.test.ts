// Targets: each mutation of a good target, on real engines, yields exactly its own code. The doctor only reads.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { type Pipeline, pipeline } from "@sluice/core";
import type { Sink, UpsertDelivery } from "@sluice/core/sink-kit";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { type OpensearchClient, opensearchSink } from "@sluice/sink-opensearch";
import { postgresSink } from "@sluice/sink-postgres";
import { memoryAppendSink, streamChange } from "@sluice/testing";
import pg from "pg";
import { type Area, type DoctorReport, doctor } from "../../src/index.ts";
import { createOperatedDeployment, type OperatedDeployment } from "../support/operated-deployment.ts";

const wanted = { postgres: true, opensearch: true, dynamodb: true, ministack: true } as const;
const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const options = { onReject: "block" } as const;
const canary = "canary-value";

const codesOf = ({ findings }: DoctorReport): readonly string[] =>
  findings.map(({ code, level }) => `${level} ${code}`);

/** Writes an item's copy, as a change of the stream with this label would. */
const write = async (sink: Sink<never, "upsert">, message: object | undefined, streamLabel: string): Promise<void> => {
  const item = { pk: canary, note: canary };
  const change = streamChange({ keyNames: ["pk"], [message === undefined ? "before" : "after"]: item, streamLabel });
  const delivery: UpsertDelivery<object> = { change, message, earlier: [] };
  const context = { signal: new AbortController().signal, remainingMs: () => 60_000 };
  const [result] = await sink.write([delivery as UpsertDelivery<never>], context);
  expect(result?.outcome).toBe("delivered");
};

const [earlier, later] = ["2026-01-02T03:04:05.678", "2999-12-31T03:04:05.678"];

describeWithEngines("the doctor, on targets", (engines: Engines<typeof wanted>) => {
  let deployment: OperatedDeployment;
  let names = 0;
  const newName = (): string => {
    names += 1;
    return `orders-${names}`;
  };

  beforeAll(async () => {
    deployment = await createOperatedDeployment(engines.ministack);
  });
  afterAll(() => deployment.close());

  const judge = async (
    judged: Pipeline<never, never> | Pipeline<unknown>,
    area: Area = "target",
  ): Promise<DoctorReport> => {
    const { clients, functionName } = deployment;
    const found = await doctor({ clients, functionName, only: [area], pipeline: judged as Pipeline<unknown> });
    expect(JSON.stringify(found)).not.toMatch(canary);
    return found;
  };

  describe("in Postgres", () => {
    const columns = { pk: "text", note: "text" };
    const pools: pg.Pool[] = [];
    const open = (connectionString: string, more: pg.PoolConfig = {}): pg.Pool => {
      const pool = new pg.Pool({ connectionString, ...more });
      pool.on("error", () => undefined);
      pools.push(pool);
      return pool;
    };
    afterAll(async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    });

    /** A database; a sink that may write there, and one that the doctor gets, whose connections can only read. */
    const create = async () => {
      const url = await engines.postgres.createDatabase();
      const [owner, reader] = [open(url), open(url, { options: "-c default_transaction_read_only=on" })];
      const asked: string[] = [];
      const recording = {
        connect: async () => {
          const client = await reader.connect();
          return {
            query: (query: { readonly text: string; readonly values: unknown[] }) => {
              asked.push(query.text);
              return client.query(query);
            },
            release: (error?: Error) => client.release(error),
          };
        },
        end: () => reader.end(),
      };
      const sinkOf = (more: object = {}) => ({
        writing: postgresSink({ pool: owner, table: "orders", key: ["pk"], columns, ...more }),
        judged: pipeline("orders", options).to(
          postgresSink({ pool: recording, table: "orders", key: ["pk"], columns, ...more }),
        ),
      });
      return { owner, asked, sinkOf };
    };

    test("finds nothing in a target that ensure() has completed, and only reads", async () => {
      const { asked, sinkOf } = await create();
      const { writing, judged } = sinkOf();
      await writing.ensure();
      await write(writing, { pk: { S: canary }, note: { S: canary } }, earlier);
      expect(codesOf(await judge(judged))).toEqual([]);
      expect(asked[0]).toBe("BEGIN READ ONLY");
      expect(asked).toContain("ROLLBACK");
      expect(asked.filter((text) => !/^\s*(BEGIN READ ONLY|ROLLBACK|SELECT|WITH|SET LOCAL)\b/i.test(text))).toEqual([]);
    });

    test("TARGET_INCOMPLETE: no table, and the statements of the finding create it", async () => {
      const { owner, sinkOf } = await create();
      const report = await judge(sinkOf().judged);
      expect(codesOf(report)).toEqual(["fail TARGET_INCOMPLETE"]);
      const fix = report.findings[0]?.fix ?? "";
      await owner.query(fix.slice(fix.indexOf("CREATE TABLE")));
      expect(codesOf(await judge(sinkOf().judged))).toEqual([]);
    });

    test("TARGET_INCOMPLETE: a column is missing", async () => {
      const { sinkOf } = await create();
      await sinkOf().writing.ensure();
      const { judged } = sinkOf({ columns: { ...columns, total: "numeric" } });
      const report = await judge(judged);
      expect(codesOf(report)).toEqual(["fail TARGET_INCOMPLETE"]);
      expect(report.findings[0]?.fix).toMatch(/ADD COLUMN IF NOT EXISTS "total" numeric$/);
    });

    test("TARGET_CONTRADICTS: a column has another type", async () => {
      const { sinkOf } = await create();
      await sinkOf().writing.ensure();
      const report = await judge(sinkOf({ columns: { ...columns, note: "int" } }).judged);
      expect(codesOf(report)).toEqual(["fail TARGET_CONTRADICTS"]);
      expect(report.findings[0]?.found).toMatch(/column "note" as int/);
    });

    test("TARGET_MISSING: no such database", async () => {
      const url = new URL(engines.postgres.url);
      url.pathname = "/nowhere";
      const sink = postgresSink({ pool: open(url.href), table: "orders", key: ["pk"], columns });
      expect(codesOf(await judge(pipeline("orders", options).to(sink)))).toEqual(["fail TARGET_MISSING"]);
    });

    test("TARGET_UNREACHABLE: a server that this machine cannot reach is no fault", async () => {
      const connection = { connectionString: "postgres://orders:canary-value@127.0.0.1:1/orders" };
      const sink = postgresSink({ connection, table: "orders", key: ["pk"], columns });
      expect(codesOf(await judge(pipeline("orders", options).to(sink)))).toEqual(["unknown TARGET_UNREACHABLE"]);
    });

    test("TARGET_AHEAD: the target holds a change of a later stream", async () => {
      const { sinkOf } = await create();
      const { writing, judged } = sinkOf();
      await writing.ensure();
      await write(writing, { pk: { S: canary }, note: { S: canary } }, later);
      const report = await judge(judged);
      expect(codesOf(report)).toEqual(["fail TARGET_AHEAD"]);
      expect(report.findings[0]?.found).toMatch(/29991231030405678/);
    });

    test("TOMBSTONES_NOT_PURGED: purge() does not run", async () => {
      const { owner, asked, sinkOf } = await create();
      const { writing, judged } = sinkOf();
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
      await writing.ensure();
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
      await write(writing, undefined, earlier);
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
      await owner.query("UPDATE orders_sluice SET sluice_removed_at = now() - interval '70 days'");
      asked.length = 0;
      const report = await judge(judged, "tombstones");
      expect(codesOf(report)).toEqual(["warn TOMBSTONES_NOT_PURGED"]);
      expect(report.findings[0]?.found).toMatch(/70 days/);
      expect(asked[0]).toBe("BEGIN READ ONLY");
      await writing.purge();
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
    });

    test("SOURCE_DIFFERS: the pipeline replicates another table", async () => {
      const { sinkOf } = await create();
      const { writing } = sinkOf();
      await writing.ensure();
      const judged = pipeline("orders", { ...options, source: "customers" }).to(writing);
      expect(codesOf(await judge(judged))).toEqual(["fail SOURCE_DIFFERS"]);
    });

    test("OLD_IMAGE_MISSING: routes that judge removed items, and a stream with new images only", async () => {
      const { sinkOf } = await create();
      const { writing } = sinkOf();
      await writing.ensure();
      const [events, unfiltered] = [memoryAppendSink({ name: "events" }), memoryAppendSink({ name: "unfiltered" })];
      const judged = pipeline("orders", options)
        .to(writing, { removes: { otherwise: () => undefined } } as never)
        .to(unfiltered, ({ keys }) => keys, { dedupe: "none" })
        .when(({ note }) => note === canary)
        .to(events, ({ keys }) => keys, { dedupe: "none" });
      expect(codesOf(await judge(judged))).toEqual([]);
      const { clients, functionName, rewrite } = await createOperatedDeployment(engines.ministack);
      rewrite("dynamodb:DescribeTable", ({ Table }: { Table: object }) => ({
        Table: { ...Table, StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" } },
      }));
      const { findings } = await doctor({
        clients,
        functionName,
        only: ["target"],
        pipeline: judged as Pipeline<unknown>,
      });
      expect(findings.map(({ code, resource }) => [code, resource])).toEqual([
        ["OLD_IMAGE_MISSING", "postgres"],
        ["OLD_IMAGE_MISSING", "events"],
      ]);
    });

    test("ALARM_ROUTE_UNKNOWN: an alarm watches a route that was renamed", async () => {
      const { sinkOf } = await create();
      const { writing, judged } = sinkOf();
      await writing.ensure();
      const { functionName, clients } = deployment;
      const dimensions = [
        { Name: "function", Value: functionName },
        { Name: "route", Value: "rows" },
      ];
      const alarm = {
        AlarmName: `${functionName}-lag-rows`,
        ...{ Namespace: "Sluice", MetricName: "Lag", Dimensions: dimensions, Statistic: "Maximum" as const },
        ...{ Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: "GreaterThanThreshold" as const },
      };
      await clients.cloudwatch.putMetricAlarm(alarm);
      expect(codesOf(await judge(judged))).toEqual(["warn ALARM_ROUTE_UNKNOWN"]);
      await clients.cloudwatch.deleteAlarms({ AlarmNames: [alarm.AlarmName] });
    });
  });

  describe("in OpenSearch", () => {
    let client: Client;
    beforeAll(() => {
      client = new Client({ node: engines.opensearch.url });
    });
    afterAll(() => client.close());

    const create = (more: object = {}, index = newName()) => {
      const asked: string[] = [];
      const recording: OpensearchClient = {
        transport: {
          request: (params, given) => {
            asked.push(`${params.method} ${params.path.replace(/^\/[^/]+/, "")}`);
            return client.transport.request(params, given);
          },
        },
      };
      const mappings = { properties: { note: { type: "keyword" } } };
      const writing = opensearchSink({ client, index, mappings, ...more });
      const judged = pipeline("orders", options).to(opensearchSink({ client: recording, index, mappings, ...more }));
      return { writing, judged, asked, index };
    };

    test("finds nothing in an index that ensure() has created, and only reads", async () => {
      const { writing, judged, asked } = create();
      await writing.ensure();
      await write(writing, { note: canary }, earlier);
      expect(codesOf(await judge(judged))).toEqual([]);
      expect([...new Set(asked)].sort()).toEqual(["GET ", "POST /_refresh", "POST /_search"]);
    });

    test("TARGET_INCOMPLETE: no index", async () => {
      const report = await judge(create().judged);
      expect(codesOf(report)).toEqual(["fail TARGET_INCOMPLETE"]);
      expect(report.findings[0]?.fix).toMatch(/PUT \/orders-\d+-000001 \{/);
    });

    test("TARGET_INCOMPLETE: a field of the mapping is missing", async () => {
      const { writing, index } = create();
      await writing.ensure();
      const { judged } = create(
        { mappings: { properties: { note: { type: "keyword" }, n: { type: "long" } } } },
        index,
      );
      const report = await judge(judged);
      expect(codesOf(report)).toEqual(["fail TARGET_INCOMPLETE"]);
      expect(report.findings[0]?.fix).toMatch(/_mapping \{"properties":\{"n":\{"type":"long"\}\}\}$/);
    });

    test("TARGET_CONTRADICTS: a field has another type", async () => {
      const { writing, index } = create();
      await writing.ensure();
      const { judged } = create({ mappings: { properties: { note: { type: "long" } } } }, index);
      expect(codesOf(await judge(judged))).toEqual(["fail TARGET_CONTRADICTS"]);
    });

    test("TARGET_INCOMPLETE: the alias shows tombstones", async () => {
      const { writing, judged, index } = create();
      await writing.ensure();
      const actions = [{ add: { index: `${index}-000001`, alias: index, is_write_index: true } }];
      await client.indices.updateAliases({ body: { actions } });
      expect(codesOf(await judge(judged))).toEqual(["fail TARGET_INCOMPLETE"]);
    });

    test("TARGET_AHEAD: the index holds a change of a later stream", async () => {
      const { writing, judged } = create();
      await writing.ensure();
      await write(writing, { note: canary }, later);
      expect(codesOf(await judge(judged))).toEqual(["fail TARGET_AHEAD"]);
    });

    test("TOMBSTONES_NOT_PURGED: purge() does not run", async () => {
      const { writing, judged, index, asked } = create();
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
      await writing.ensure();
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
      const deletedAt = Date.now() - 70 * 86_400_000;
      const body = { _sluice: { version: "1", deleted: true, deletedAt } };
      await client.index({ index: `${index}-000001`, id: "gone", body, refresh: true });
      asked.length = 0;
      const report = await judge(judged, "tombstones");
      expect(codesOf(report)).toEqual(["warn TOMBSTONES_NOT_PURGED"]);
      expect(report.findings[0]?.found).toMatch(/70 days/);
      expect(asked).toEqual([`GET /${index}`, "POST /_search"]);
      await writing.purge();
      expect(codesOf(await judge(judged, "tombstones"))).toEqual([]);
    });

    test("TARGET_UNREACHABLE: no server", async () => {
      const sink = opensearchSink({ node: "http://127.0.0.1:1", index: "orders" });
      const report = await judge(pipeline("orders", options).to(sink, () => ({})));
      expect(codesOf(report)).toEqual(["unknown TARGET_UNREACHABLE"]);
    });
  });

  describe("in DynamoDB", () => {
    let client: DynamoDB;
    beforeAll(() => {
      client = new DynamoDB(engines.dynamodb.clientConfig);
    });
    afterAll(() => client.destroy());

    test("finds nothing in a table, and only reads; then one that is ahead", async () => {
      const table = newName();
      const asked: string[] = [];
      const reading = new DynamoDB(engines.dynamodb.clientConfig);
      reading.middlewareStack.add(
        (next, { commandName = "" }) =>
          (args) => {
            asked.push(commandName);
            return next(args);
          },
        { step: "initialize" },
      );
      const writing = dynamodbSink({ table, client });
      await writing.ensure({ create: { partitionKey: { name: "pk", type: "S" } } });
      const judged = pipeline("orders", options).to(dynamodbSink({ table, client: reading }));
      expect(codesOf(await judge(judged))).toEqual([]);
      await write(writing, { pk: canary }, later);
      expect(codesOf(await judge(judged))).toEqual(["fail TARGET_AHEAD"]);
      const reads = ["DescribeTableCommand", "DescribeTimeToLiveCommand", "ScanCommand"];
      expect([...new Set(asked)].sort()).toEqual(reads);
      reading.destroy();
    });

    test("TARGET_MISSING: no table", async () => {
      const judged = pipeline("orders", options).to(dynamodbSink({ table: newName(), client }));
      expect(codesOf(await judge(judged))).toEqual(["fail TARGET_MISSING"]);
    });

    test.each(["name", "ARN"])("TARGET_LOOP: the route writes the source, which it names by %s", async (by) => {
      const { tableName, streamArn, clients } = deployment;
      const table = by === "name" ? tableName : (streamArn.split("/stream/")[0] ?? "");
      const judged = pipeline("orders", options).to(dynamodbSink({ table, client: clients.dynamodb }));
      expect(codesOf(await judge(judged))).toEqual(["fail TARGET_LOOP"]);
    });
  });
});
