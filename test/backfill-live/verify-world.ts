// A world for verifications: a real table and stream, a function that is slow, replicas that are up to date, and raw
// statements that corrupt them.

import { setTimeout } from "node:timers/promises";
import {
  type Finding,
  type Invoke,
  scanSource,
  type TaskAnswer,
  tableReader,
  type VerifyOptions,
} from "@sluice/backfill";
import type { PipelineHandler } from "@sluice/core";
import type { Image } from "@sluice/core/envelope";
import { eventSourceMapping, streamsClient } from "@sluice/local";
import { lambdaContext } from "@sluice/testing";
import { type Random, randomOf } from "../convergence/random.ts";
import { type LiveEngines, openPlaces } from "./places.ts";
import { openRawTargets, type RawTargets } from "./raw-targets.ts";
import { smallPages } from "./small-pages.ts";
import { openSourceTable, type SourceTable } from "./source-table.ts";
import { type Divergence, divergencesOf, openReplicas, pipelineOf, type TargetName, targetNames } from "./targets.ts";

/** The world of a verification. */
export interface VerifyWorld {
  readonly random: Random;
  readonly table: SourceTable;
  readonly raw: RawTargets;
  /** Options of a verification that looks twice within seconds. */
  readonly options: VerifyOptions;
  readonly invoke: Invoke;
  /** Resolves when every change has reached the replicas. */
  readonly drained: () => Promise<void>;
  /** From now on, deliveries are this slow at most. */
  readonly setSlowness: (ms: number) => void;
  /** Compares the replicas with the table as they are. */
  readonly divergencesNow: () => Promise<readonly Divergence[]>;
  /** Delivers every change, and compares the replicas with the table. The world's own writes end. */
  readonly divergences: () => Promise<readonly Divergence[]>;
  readonly close: () => Promise<void>;
}

/** The key of a finding's item. */
export const pkOf = ({ keys }: Finding): string => (keys.pk as { readonly S: string }).S;

/** The target of a finding. A finding names the first route of the target. */
export const targetOf = ({ target }: Finding): TargetName => {
  const byRoute: Readonly<Record<string, TargetName>> = { orders: "rows" };
  return byRoute[target] ?? (target as TargetName);
};

const heartbeat = "heartbeat";
const heartbeatMs = 100;

const isHeartbeat = (keys: Image | undefined): boolean =>
  (keys?.pk as { readonly S?: string } | undefined)?.S === heartbeat;

/** Puts an item again and again. The stream keeps the order, so its age when it is delivered is the stream's lag. */
const startHeart = (table: SourceTable, random: Random) => {
  const startedAtMs = Date.now();
  const putAtMs: number[] = [];
  let delivered = 0;
  let isStopped = false;
  const beat = async (): Promise<void> => {
    while (!isStopped) {
      putAtMs.push(Date.now());
      await table.put(random, heartbeat);
      await setTimeout(heartbeatMs);
    }
  };
  let beating: Promise<void> = Promise.resolve();
  return {
    start: (): void => {
      beating = beat();
      beating.catch(() => undefined);
    },
    noteDelivered: (): void => {
      delivered += 1;
    },
    /** Age of the youngest beat that was delivered. What was written before it has arrived. */
    lagMs: (): number => Date.now() - (putAtMs[delivered - 1] ?? startedAtMs),
    stop: async (): Promise<void> => {
      isStopped = true;
      await beating;
    },
  };
};

const graceMs = 1_500;

/** Opens a world whose table has no items. */
export const openVerifyWorld = async (engines: LiveEngines, seed: number, name: string): Promise<VerifyWorld> => {
  const random = randomOf(seed);
  const [places, table] = await Promise.all([
    openPlaces(engines, name),
    openSourceTable(engines.dynamodb, `${name}-source`),
  ]);
  const replicas = await openReplicas(places);
  const raw = openRawTargets(places);
  const streamArn = await table.enableStream();
  const noQueue = async (): Promise<never> => {
    throw new Error("a delivery was rejected");
  };
  const live = pipelineOf(replicas, (sink) => sink, { write: noQueue });
  const handler: PipelineHandler = live.handler();
  const heart = startHeart(table, randomOf(seed + 1));
  let slownessMs = 0;
  const mapping = eventSourceMapping({
    client: streamsClient(engines.dynamodb.endpoint),
    streamArn,
    handler: async (event, context) => {
      await setTimeout(random.integer(slownessMs + 1));
      const answer = await handler(event, context);
      const [failed] = answer.batchItemFailures;
      for (const { dynamodb } of event.Records) {
        // The failed record and all later ones are delivered again.
        if (dynamodb?.SequenceNumber === failed?.itemIdentifier) break;
        if (isHeartbeat(dynamodb?.Keys)) heart.noteDelivered();
      }
      return answer;
    },
    startingPosition: "TRIM_HORIZON",
    batchSize: 20,
    pollIntervalMs: 20,
    functionResponseTypes: ["ReportBatchItemFailures"],
    functionTimeoutMs: 20_000,
  });
  await mapping.start();
  heart.start();
  const divergencesNow = async (): Promise<readonly Divergence[]> => divergencesOf(replicas, await table.scan());
  const origin = { run: `${name}-verify`, streamArn, keyNames: ["pk", "sk"] };
  const { client, name: tableName } = table;
  const asOf = String(Date.now() * 1_000);
  const scan = { client: smallPages(client, 25) as never, table: tableName, origin, asOf, segments: 3 };
  return {
    random,
    table,
    raw,
    options: {
      targets: live.targets(),
      source: scanSource(scan),
      table: tableReader({ client: client as never, table: tableName, keyNames: origin.keyNames }),
      origin,
      keyTypes: { pk: "S", sk: "S" },
      graceMs,
      lag: async () => heart.lagMs(),
    },
    invoke: async (event) => (await handler(event, lambdaContext())) as unknown as TaskAnswer,
    drained: () => mapping.drained(),
    setSlowness: (ms) => {
      slownessMs = ms;
    },
    divergencesNow,
    divergences: async () => {
      await heart.stop();
      await mapping.drained();
      return divergencesNow();
    },
    close: async () => {
      await heart.stop();
      await mapping.stop();
      await raw.close();
      await Promise.all(targetNames.map((target) => replicas[target].target.close()));
      table.close();
    },
  };
};
