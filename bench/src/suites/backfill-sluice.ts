// Sluice: a backfill of the table by the handler of a pipeline in this process.

import { backfill, microsOf, newRun, scanSource } from "@sluice/backfill";
import { type Pipeline, pipeline } from "@sluice/core";
import { type MappedPostgresSink, type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import { lambdaContext } from "@sluice/testing";
import { filmColumns, keyAttribute, keyColumn } from "../films.ts";
import { silent } from "../pipeline-handler.ts";
import { type Copier, type CopySetting, maxRows, segments } from "./backfill-entrant.ts";
import { relationsOf } from "./postgres-sluice.ts";

const run = "bench";

/** The sink that all measurements with Postgres use. */
export const copySink = ({ pool }: Pick<CopySetting, "pool">, guard: PostgresGuard): MappedPostgresSink =>
  postgresSink({
    pool,
    table: `copied_${guard.replace("-", "_")}`,
    guard,
    key: { [keyColumn]: keyAttribute },
    columns: filmColumns,
  });

/** The pipeline that all measurements use. */
export const copyPipeline = (sink: MappedPostgresSink): Pipeline<unknown> =>
  pipeline("films", { onReject: "block", logger: silent }).to(sink);

/** The contender that runs `backfill`, as the command does. */
export const sluiceCopy = async (setting: CopySetting, guard: PostgresGuard): Promise<Copier> => {
  const { table, streamArn } = setting;
  const sink = copySink(setting, guard);
  await sink.ensure();
  const handler = copyPipeline(sink).handler();
  const view = `copied_${guard.replace("-", "_")}`;
  return {
    name: guard,
    view,
    relations: relationsOf(guard, view),
    copy: async (client) => {
      const asOf = microsOf(Date.now());
      const origin = { run, streamArn, keyNames: [keyAttribute] };
      const source = scanSource({ client, table, origin, asOf, segments });
      const subject = { pipeline: "films", source: source.name, tableArn: table, streamArn };
      const { isDone, counts } = await backfill({
        source,
        state: newRun(run, subject, { asOf, now: Date.now(), units: await source.units() }),
        store: { save: async () => undefined },
        invoke: async (event) => {
          const { outcomes = [], routes = [] } = await handler(event, lambdaContext());
          return { outcomes, routes };
        },
        workers: segments,
        limits: { maxRecords: maxRows, maxBytes: Number.POSITIVE_INFINITY },
        signal: new AbortController().signal,
        onFailures: async (failures) => {
          throw new Error(`${guard}: ${failures.length} records failed: ${failures[0]?.message}`);
        },
      });
      if (!isDone || counts.delivered !== counts.records) throw new Error(`${guard}: ${JSON.stringify(counts)}`);
    },
  };
};
