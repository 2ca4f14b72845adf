// Follows docs/changing-a-mapping.md on Postgres and OpenSearch, while a writer changes the table: a repair in place after a
// changed mapper and filter, and new targets as new routes with a swap of the view and of the alias.

import { CreateTableCommand, DynamoDB, type WriteRequest } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  backfill,
  differing,
  type Invoke,
  newRun,
  scanSource,
  type TaskAnswer,
  tableReader,
  tableTime,
  type VerifyReport,
  verifyTable,
} from "@sluice/backfill";
import { type LiveChange, type Pipeline, type PipelineHandler, pipeline } from "@sluice/core";
import {
  type Engines,
  type EventSourceMapping,
  engineOrSkip,
  eventSourceMapping,
  startEngines,
  streamsClient,
} from "@sluice/local";
import { opensearchSink } from "@sluice/sink-opensearch";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";

const wanted = { dynamodb: true, postgres: true, opensearch: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

type Order = { readonly id: string; readonly total: number; readonly status: string };

const itemCount = 60;
const statuses = ["draft", "open", "paid"] as const;
const never = new AbortController().signal;
const silent = { info: () => undefined, warn: () => undefined };

const orderOf = (number: number, revision: number): Order => ({
  id: `o-${number}`,
  total: revision,
  status: statuses[(number + revision) % statuses.length] as string,
});

let opened = 0;

/** A table with a stream, a function that reads it, and a writer that changes the table until it is stopped. */
class Deployment {
  readonly table = `Orders${++opened}`;
  readonly client: DynamoDB;
  readonly pool: pg.Pool;
  readonly url: string;
  readonly #endpoint: string;
  #handler: PipelineHandler = async () => ({ batchItemFailures: [] });
  #pipeline: Pipeline<Order> | undefined;
  #streamArn = "";
  #mapping: EventSourceMapping | undefined;
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();

  constructor({ dynamodb, opensearch }: Engines<typeof wanted>, databaseUrl: string) {
    this.client = new DynamoDB(dynamodb.clientConfig);
    this.#endpoint = dynamodb.endpoint;
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
    this.pool.on("error", () => undefined);
    this.url = opensearch.url;
  }

  /** Deploys a pipeline: the function runs its code from now on. */
  deploy(next: Pipeline<Order>): void {
    this.#pipeline = next;
    this.#handler = next.handler();
  }

  async start(): Promise<void> {
    const { TableDescription } = await this.client.send(
      new CreateTableCommand({
        TableName: this.table,
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    this.#streamArn = TableDescription?.LatestStreamArn ?? "";
    for (let first = 0; first < itemCount; first += 20)
      await this.#write(Array.from({ length: 20 }, (_, n) => first + n));
    this.#mapping = eventSourceMapping({
      streamArn: this.#streamArn,
      client: streamsClient(this.#endpoint),
      handler: (event, context) => this.#handler(event, context),
      batchSize: 100,
      functionResponseTypes: ["ReportBatchItemFailures"],
      startingPosition: "TRIM_HORIZON",
    });
    await this.#mapping.start();
  }

  /** Writes, and after some time removes, random orders until `rest` is called. Half of the orders never change. */
  keepWriting(): void {
    this.#isWriting = true;
    const write = async (): Promise<void> => {
      for (let revision = 1; this.#isWriting; revision += 1) {
        const number = revision % (itemCount / 2);
        if (revision % 7 === 0)
          await this.client.deleteItem({ TableName: this.table, Key: { id: { S: `o-${number}` } } });
        else await this.#write([number], revision);
      }
    };
    this.#writing = write();
  }

  /** Stops the writer, and waits until every change is delivered. */
  async rest(): Promise<void> {
    this.#isWriting = false;
    await this.#writing;
    await this.#mapping?.drained();
  }

  async close(): Promise<void> {
    await this.rest();
    await this.#mapping?.stop();
    await this.pool.end();
    this.client.destroy();
  }

  /** What `sluice backfill --routes` does. */
  async backfill(...routes: readonly string[]): Promise<void> {
    const source = await this.#source();
    const subject = {
      pipeline: "orders",
      source: source.name,
      tableArn: this.table,
      streamArn: this.#streamArn,
      routes,
    };
    const state = newRun("run", subject, { asOf: source.asOf, now: Date.now(), units: await source.units() });
    const store = { save: async () => undefined };
    const failures: unknown[] = [];
    const onFailures = async (found: readonly unknown[]) => void failures.push(...found);
    await backfill({ source, state, store, invoke: this.#invoke, signal: never, onFailures });
    expect(failures).toEqual([]);
  }

  /** What `sluice verify` does. */
  async verify({
    repairs = false,
    routes,
    graceMs = 500,
  }: {
    readonly repairs?: boolean;
    readonly routes?: readonly string[];
    /** Longer than a delivery takes, if something writes meanwhile. */
    readonly graceMs?: number;
  } = {}): Promise<VerifyReport> {
    const source = await this.#source();
    const table = tableReader({ client: this.client, table: this.table, keyNames: ["id"] });
    const targets = this.#pipeline?.targets() ?? [];
    const origin = this.#originOf("verify");
    return verifyTable(
      {
        ...{ targets, source, table, origin, keyTypes: { id: "S" } as const, graceMs },
        ...(repairs && { repair: this.#invoke }),
        ...(routes && { routes }),
      },
      { signal: never },
    );
  }

  /** The orders of the table by id, without those that the filter refuses. */
  async orders(isCopied: (order: Order) => boolean): Promise<Map<string, Order>> {
    const { Items = [] } = await this.client.scan({ TableName: this.table, ConsistentRead: true });
    const orders = Items.map(({ id, total, status }) => ({
      id: id?.S ?? "",
      total: Number(total?.N),
      status: status?.S ?? "",
    }));
    return new Map(orders.filter(isCopied).map((order) => [order.id, order]));
  }

  async search(alias: string): Promise<Map<string, Order>> {
    await this.request("POST", `/${alias}/_refresh`);
    // Tombstones are documents, too, but have no id.
    const { hits } = (await this.request("POST", `/${alias}/_search`, { size: 1_000 })) as {
      readonly hits: {
        readonly hits: readonly { readonly _source: Partial<Order> & { readonly _sluice?: unknown } }[];
      };
    };
    const orders = hits.hits.flatMap(({ _source: { _sluice: _, ...order } }) =>
      order.id === undefined ? [] : [order as Order],
    );
    return new Map(orders.map((order) => [order.id, order]));
  }

  async select(relation: string): Promise<Map<string, Order>> {
    const { rows } = await this.pool.query<Order>(`SELECT id, total::int, status FROM ${relation}`);
    return new Map(rows.map((row) => [row.id, row]));
  }

  async request(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  readonly #invoke: Invoke = async (event) => (await this.#handler(event)) as unknown as TaskAnswer;

  #originOf(run: string) {
    return { run, streamArn: this.#streamArn, keyNames: ["id"] };
  }

  async #source() {
    const asOf = await tableTime({ client: this.client, table: this.table });
    const origin = this.#originOf("run");
    return { ...scanSource({ client: this.client, table: this.table, origin, asOf, segments: 4 }), asOf };
  }

  async #write(numbers: readonly number[], revision = 0): Promise<void> {
    const requests = numbers.map((number): WriteRequest => {
      const { id, total, status } = orderOf(number, revision);
      return { PutRequest: { Item: { id: { S: id }, total: { N: String(total) }, status: { S: status } } } };
    });
    await this.client.batchWriteItem({ RequestItems: { [this.table]: requests } });
  }
}

const asIs = ({ after: { id, total, status } }: LiveChange<Order>): Order => ({ id, total, status });
const loud = ({ after: { id, total, status } }: LiveChange<Order>): Order => ({
  id,
  total,
  status: status.toUpperCase(),
});
const isNoDraft = ({ status }: Order): boolean => status !== "draft";
const all = (): boolean => true;

const withLoudStatus = (orders: ReadonlyMap<string, Order>): Map<string, Order> =>
  new Map([...orders].map(([id, order]) => [id, { ...order, status: order.status.toUpperCase() }]));

const mappings = { properties: { id: { type: "keyword" }, total: { type: "long" }, status: { type: "keyword" } } };
const settings = { number_of_replicas: 0 };

describeWithEngines("copies after a changed mapping", (engines) => {
  let deployed: Deployment;
  const base = () => pipeline<Order>("orders", { onReject: "block", logger: silent, source: deployed.table });
  /** A table of Postgres and an index, whose names end in `suffix`. */
  const sinks = async (suffix: string) => {
    const { pool, url } = deployed;
    const table = `orders_${suffix}`;
    const rows = postgresSink({ pool, table, columns: ["id", "total", "status"], name: `rows-${suffix}` });
    await pool.query(`CREATE TABLE ${table} (id text PRIMARY KEY, total bigint, status text)`);
    await rows.ensure();
    const index = `${deployed.table.toLowerCase()}-${suffix}`;
    const documents = opensearchSink({ node: url, index, mappings, settings, name: `documents-${suffix}` });
    await documents.ensure();
    return { rows, documents, index };
  };

  beforeEach(async () => {
    deployed = new Deployment(engines, await engines.postgres.createDatabase());
  });
  afterEach(() => deployed.close());

  test("are brought up to date in place by verify --repair", async () => {
    const { rows, documents, index } = await sinks("1");
    deployed.deploy(base().to(rows, asIs).to(documents, asIs));
    await deployed.start();
    deployed.keepWriting();
    await deployed.rest();
    expect((await deployed.verify()).isEqual).toBe(true);

    deployed.deploy(base().when(isNoDraft).to(rows, loud).to(documents, loud));
    deployed.keepWriting();
    const { tally, isEqual } = await deployed.verify({ repairs: true });
    await deployed.rest();
    // Everything that differed is repaired, or has been written by the stream meanwhile.
    expect([isEqual, differing(tally)]).toEqual([true, 0]);
    for (const { counts } of Object.values(tally))
      expect([counts.different ?? 0, counts.unexpected ?? 0].every((n) => n > 0)).toBe(true);
    const expected = withLoudStatus(await deployed.orders(isNoDraft));
    expect(await deployed.select("orders_1")).toEqual(expected);
    expect(await deployed.search(index)).toEqual(expected);
    expect((await deployed.verify()).isEqual).toBe(true);
  });

  test("are built in a new target as a new route, which the readers then use", async () => {
    const old = await sinks("1");
    deployed.deploy(base().to(old.rows, asIs).to(old.documents, asIs));
    await deployed.start();
    await deployed.pool.query("CREATE VIEW orders AS SELECT id, total, status FROM orders_1");
    const readers = `${deployed.table.toLowerCase()}-read`;
    await deployed.request("POST", "/_aliases", {
      actions: [{ add: { index: `${old.index}-000001`, alias: readers } }],
    });
    deployed.keepWriting();
    await deployed.rest();

    const next = await sinks("2");
    const newRoutes = ["rows-2", "documents-2"];
    const both = base()
      .to(old.rows, asIs)
      .to(old.documents, asIs)
      .when(isNoDraft)
      .to(next.rows, loud)
      .to(next.documents, loud);
    deployed.deploy(both);
    deployed.keepWriting();
    await deployed.backfill(...newRoutes);
    const { isEqual } = await deployed.verify({ routes: newRoutes, graceMs: 10_000 });
    expect(isEqual).toBe(true);
    // Until the readers move, they see the old copies.
    await deployed.rest();
    expect(await deployed.select("orders")).toEqual(await deployed.orders(all));
    expect(await deployed.search(readers)).toEqual(await deployed.orders(all));

    await deployed.pool.query(
      "BEGIN; DROP VIEW orders; CREATE VIEW orders AS SELECT id, total, status FROM orders_2; COMMIT",
    );
    await deployed.request("POST", "/_aliases", {
      actions: [
        { remove: { index: `${old.index}-000001`, alias: readers } },
        { add: { index: `${next.index}-000001`, alias: readers } },
      ],
    });
    deployed.deploy(base().when(isNoDraft).to(next.rows, loud).to(next.documents, loud));
    deployed.keepWriting();
    await deployed.rest();
    const expected = withLoudStatus(await deployed.orders(isNoDraft));
    expect(await deployed.select("orders")).toEqual(expected);
    expect(await deployed.search(readers)).toEqual(expected);
    expect((await deployed.verify()).isEqual).toBe(true);
  });

  test("get the rows of a new child table from verify --repair, and the stream writes them from then on", async () => {
    const { rows } = await sinks("1");
    deployed.deploy(base().to(rows, asIs));
    await deployed.start();
    deployed.keepWriting();
    await deployed.rest();

    await deployed.pool.query(
      "CREATE TABLE steps (id text REFERENCES orders_1, step_no int, step text, PRIMARY KEY (id, step_no))",
    );
    const steps = { table: "steps", of: "steps", position: "step_no", columns: ["step"] };
    const family = postgresSink({
      ...{ pool: deployed.pool, table: "orders_1", name: "rows-1", columns: ["id", "total", "status"] },
      children: [steps],
    });
    await family.ensure();
    const stepsOf = ({ total, status }: Order) => Array.from({ length: total % 4 }, (_, n) => `${status} ${n}`);
    const withSteps = ({ after }: LiveChange<Order>) => ({
      ...asIs({ after } as LiveChange<Order>),
      steps: stepsOf(after).map((step) => ({ step })),
    });
    deployed.deploy(base().to(family, withSteps));
    const { tally, isEqual } = await deployed.verify({ repairs: true });
    expect(isEqual).toBe(true);
    for (const { counts } of Object.values(tally)) expect(counts.different ?? 0).toBeGreaterThan(0);
    const expectSteps = async (): Promise<void> => {
      const orders = await deployed.orders(all);
      const expected = [...orders.values()].flatMap((order) =>
        stepsOf(order).map((step, number) => `${order.id} ${number} ${step}`),
      );
      const found = await deployed.pool.query<{ row: string }>(
        "SELECT concat_ws(' ', id, step_no, step) AS row FROM steps",
      );
      expect(found.rows.map(({ row }) => row).sort()).toEqual(expected.sort());
      expect(await deployed.select("orders_1")).toEqual(orders);
    };
    await expectSteps();
    deployed.keepWriting();
    await deployed.rest();
    await expectSteps();
    expect((await deployed.verify()).isEqual).toBe(true);
  });
});
