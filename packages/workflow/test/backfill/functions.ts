// The functions of a run, for ministack: a pipeline that copies orders to Postgres, and a worker that dies at random.

import { createHash } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import type { InvocationContext } from "@sluice/core/sink-kit";
import pg from "pg";
import { itemName } from "../../src/backfill/unit-progress.ts";
import {
  backfillPlan,
  backfillReport,
  backfillWorker,
  type TurnEvent,
  type TurnHandler,
  verifyPlan,
  verifyReport,
  verifyWorker,
} from "../../src/index.ts";
import { ordersPipeline, silent } from "./orders.ts";

const { DATABASE_URL, FOLDER = "", DEATH_SEED, SLUICE_RUN_BUCKET = "" } = process.env;

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2 });
pool.on("error", () => undefined);

const orders = ordersPipeline(pool);

const s3 = new S3();

/** Whether the object `failing` names the unit. */
const fails = async (item: unknown): Promise<boolean> => {
  try {
    const { Body } = await s3.getObject({ Bucket: SLUICE_RUN_BUCKET, Key: "failing" });
    return (await Body?.transformToString()) === itemName(item);
  } catch {
    return false;
  }
};

/** Number of deaths of each unit. All of its later turns live. */
const mostDeaths = 1;

const countOf = (file: string): number => {
  try {
    return readFileSync(file, "utf8").length;
  } catch {
    return 0;
  }
};

/** Where a unit may die. Of six units, one lives. */
const places = ["first", "hangs", "middle", "killed", "last"] as const;

/** Decides by the seed where a unit dies. Twenty segments die in all ways. */
const placeOf = (unit: string): string | undefined => {
  const { segment = createHash("sha256").update(unit).digest().readUInt32BE() } = JSON.parse(unit);
  return places[(segment + Number(DEATH_SEED)) % (places.length + 1)];
};

/** Whether this turn of a unit dies here. Notes the death in a file, which the test counts. */
const dies = (unit: string, place: (typeof places)[number]): boolean => {
  if (DEATH_SEED === undefined || placeOf(unit) !== place) return false;
  const file = join(FOLDER, createHash("sha256").update(unit).digest("hex").slice(0, 16));
  if (countOf(file) >= mostDeaths) return false;
  appendFileSync(file, place.slice(0, 1));
  return true;
};

/** Dies before the turn, at its timeout, after some records were written, or after the whole turn. */
const mortal = (): TurnHandler => {
  let unit = "";
  const handler = orders.handler();
  const dying = async (event: never, context: InvocationContext | undefined) => {
    const response = await handler(event, context);
    if (dies(unit, "middle")) process.exit(1);
    // As the kernel kills a process that has no memory left: between the writing and the checkpoint, without any handler.
    if (dies(unit, "killed")) process.kill(process.pid, "SIGKILL");
    return response;
  };
  const worker = backfillWorker(
    { ...orders, handler: () => dying as typeof handler },
    {
      checkpointMs: 0,
      timeoutBufferMs: Number(process.env.TIMEOUT_BUFFER_MS ?? 1_000),
      maxFailures: 5,
      logger: silent,
    },
  );
  return async (event: TurnEvent, context?: InvocationContext) => {
    unit = JSON.stringify(event.unit);
    if (event.error === undefined && (await fails(event.unit))) throw new Error("this unit always fails");
    if (dies(unit, "first")) throw new Error("died before the turn");
    // Until the function's timeout.
    if (dies(unit, "hangs")) await new Promise((resolve) => setTimeout(resolve, 60_000));
    const result = await worker(event, context);

    if (dies(unit, "last")) process.exit(1);
    return result;
  };
};

export const plan = backfillPlan(orders, { logger: silent });
export const worker = mortal();
export const report = backfillReport({ logger: silent });

export const verifyPlanner = verifyPlan(orders, { logger: silent });
export const verifier = verifyWorker(orders, { logger: silent, graceMs: 1_000, timeoutBufferMs: 1_000 });
export const repairer = verifyWorker(orders, {
  logger: silent,
  graceMs: 1_000,
  timeoutBufferMs: 1_000,
  repairs: true,
});
export const verifyReporter = verifyReport({
  logger: silent,
  writeMetric: (line) => appendFileSync(join(FOLDER, "metrics"), `${line}\n`),
});

/** Reads the table's stream, and changes nothing, so that every row comes from a backfill. */
export const live = async () => ({ batchItemFailures: [] });
