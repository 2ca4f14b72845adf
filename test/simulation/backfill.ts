// A person who copies the table while everything else goes on: each item is read at some time after the start of the run,
// and written when the function takes it.

import { backfillRecord, microsOf } from "@sluice/backfill";
import type { Image, StreamRecord } from "@sluice/core/envelope";
import { sleep } from "./mapping.ts";
import { regionAt, type TableChange } from "./table.ts";
import type { World } from "./world.ts";

/** Longest time between the reads of two items, in milliseconds. */
const longestPauseMs = 20_000;

const maxAttempts = 10;

/** The record of the last change of an item that a region's table shows now. */
const lastRecord = (world: World, region: number, item: string): StreamRecord | undefined => {
  const isShown = ({ item: other, arrivals }: TableChange): boolean =>
    other === item && (arrivals[region]?.at ?? Number.POSITIVE_INFINITY) <= world.scheduler.now;
  return world.changes.findLast(isShown)?.arrivals[region]?.record;
};

const imageOf = (record: StreamRecord | undefined): Image | undefined => record?.dynamodb?.NewImage;

/** Sends a record until the function has answered for it. A record that the function rejects is left out. */
const send = async (world: World, pipeline: number, record: StreamRecord): Promise<void> => {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const answer = await world.invoke(pipeline, { sluice: { task: "backfill" }, Records: [record] });
    if (answer !== undefined && answer.outcomes?.[0]?.outcome !== "retried") return;
    await sleep(world, 1_000 * attempt);
  }
};

/** Copies the table of the region in which clients write when the run starts. */
export const backfill = async (world: World, pipeline: number): Promise<void> => {
  const { random, scheduler, plan } = world;
  const region = regionAt(plan, world.elapsed);
  const asOf = microsOf(scheduler.now);
  for (const item of new Set(world.changes.map((change) => change.item))) {
    await sleep(world, random.between(0, longestPauseMs));
    const record = lastRecord(world, region, item);
    const image = imageOf(record);
    if (image === undefined) continue;
    const origin = { run: `run-${asOf}`, streamArn: record?.eventSourceARN ?? "", keyNames: ["pk", "sk"] };
    await send(world, pipeline, world.backfilled(backfillRecord(origin, image, asOf)));
  }
};
