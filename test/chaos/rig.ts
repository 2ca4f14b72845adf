// The targets of several chaos tests: a Postgres table that rejects one revision in ten, and a FIFO queue that receives
// every change. Also contains the queues of the pipeline.

import { SQS } from "@aws-sdk/client-sqs";
import type { PostgresEngine, SqsEngine } from "@sluice/local";
import { drainQueue } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import type { Arrival, TargetContent } from "./comparison.ts";
import type { ChaosItem } from "./history.ts";
import { createQueues, type Queues } from "./queues.ts";

export interface ChaosRig extends Queues {
  readonly sqs: SQS;
  readonly databaseUrl: string;
  readonly fifoUrl: string;
  /** Creates one more queue, and returns the URL of that queue. */
  readonly createQueue: (suffix: string, attributes?: Record<string, string>) => Promise<string>;
  /** Removes the constraint of the table. The table then accepts every revision. */
  readonly dropConstraint: () => Promise<void>;
  readonly rows: () => Promise<TargetContent>;
  /** Receives and deletes all messages of a queue. Returns their changes. */
  readonly arrivalsIn: (queueUrl: string) => Promise<Arrival[]>;
  readonly close: () => Promise<void>;
}

interface WantedEngines {
  readonly postgres: PostgresEngine;
  readonly sqs: SqsEngine;
}

export const openRig = async (engines: WantedEngines, name: string, functionTimeoutMs: number): Promise<ChaosRig> => {
  const sqs = new SQS(engines.sqs.clientConfig);
  const databaseUrl = await engines.postgres.createDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on("error", () => undefined);
  const check = "CONSTRAINT accepted CHECK (revision % 10 <> 7)";
  await pool.query(`CREATE TABLE items (pk text PRIMARY KEY, revision int ${check}, note text)`);
  await postgresSink({ pool, table: "items" }).ensure();
  const createQueue: ChaosRig["createQueue"] = async (suffix, Attributes = {}) =>
    (await sqs.createQueue({ QueueName: `${name}-${suffix}`, Attributes })).QueueUrl ?? "";
  return {
    sqs,
    databaseUrl,
    fifoUrl: await createQueue("fifo.fifo", { FifoQueue: "true" }),
    ...(await createQueues(sqs, name, functionTimeoutMs)),
    createQueue,
    dropConstraint: async () => {
      await pool.query("ALTER TABLE items DROP CONSTRAINT accepted");
    },
    rows: async () => {
      const { rows } = await pool.query<ChaosItem & pg.QueryResultRow>("SELECT pk, revision, note FROM items");
      return { kind: "rows", rows: new Map(rows.map((row) => [row.pk, row])) };
    },
    arrivalsIn: async (queueUrl) => (await drainQueue(sqs, queueUrl)).map(({ body }) => JSON.parse(body) as Arrival),
    close: async () => {
      await pool.end();
      sqs.destroy();
    },
  };
};
