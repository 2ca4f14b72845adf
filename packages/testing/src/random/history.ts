// Random histories of a table, their deliveries, and the final state that every upsert sink must reach.

import { checkOptionNames, type Image, type StreamRecord, type StreamViewType } from "@sluice/core/sink-kit";
import { toImage } from "../records/image.ts";
import { streamChange } from "../records/stream-record.ts";
import { type TableHistory, tableHistory } from "../records/table-history.ts";
import { type DeliveryStep, randomDeliveries } from "./deliveries.ts";
import { type Random, randomOf } from "./random.ts";
import { randomSpecimen } from "./specimen.ts";

/** The size of a random history. */
export interface RandomHistoryOptions {
  /** Maximum number of different items over the whole history. Default 4. */
  readonly items?: number;
  /** Number of changes. Default 40. */
  readonly changes?: number;
  /** View type of the stream. Default `NEW_AND_OLD_IMAGES`. */
  readonly viewType?: StreamViewType;
  /** Part of every `pk` and of the table name. Histories with different prefixes have different items and event ids. */
  readonly prefix?: string;
}

/** A table's history and its deliveries. Equal seeds and options give equal histories. */
export interface RandomHistory {
  /** Print the seed when a test fails, so that `randomHistory(seed, options)` can create the same history again. */
  readonly seed: number;
  /** The stream, oldest first. The items are `SpecimenItem`s with the keys `pk` and `sk`. */
  readonly records: readonly StreamRecord[];
  /** The delivery steps, in order. They deliver every record at least once, and again after a crash. */
  readonly deliveries: readonly DeliveryStep[];
  /** The final items by `change.itemKey`, as attribute values. */
  readonly expected: ReadonlyMap<string, Image>;
}

/** Changes an item: puts it, or removes it at random. Half of the removals are TTL removals. */
const changeItem = (random: Random, table: TableHistory, pk: string, revision: number): void => {
  const isLive = table.items().some((item) => item.pk === pk);
  if (!isLive || random.chance(0.6)) {
    table.put(randomSpecimen(random, pk, revision));
    return;
  }
  const keys = { pk, sk: "1" };
  if (random.chance(0.5)) table.expire(keys);
  else table.remove(keys);
};

/** Creates a random history of inserts, modifications, (TTL) removals and re-inserts, sometimes over two streams. */
export const randomHistory = (seed: number, options: RandomHistoryOptions = {}): RandomHistory => {
  checkOptionNames("randomHistory", options, { items: true, changes: true, viewType: true, prefix: true });
  const { items = 4, changes = 40, viewType = "NEW_AND_OLD_IMAGES", prefix = "item" } = options;
  const random = randomOf(seed);
  const table = tableHistory({ tableName: `Specimens-${prefix}`, viewType });
  const recreatedAt = random.chance(0.3) ? 1 + random.integer(changes) : 0;
  for (let revision = 1; revision <= changes; revision += 1) {
    if (revision === recreatedAt) table.recreateStream("2026-01-02T04:05:06.789");
    changeItem(random, table, `${prefix}-${random.integer(items)}`, revision);
  }
  const records = table.records();
  return {
    seed,
    records,
    deliveries: randomDeliveries(random, records),
    expected: new Map(table.items().map((item) => [streamChange({ after: item }).itemKey, toImage(item)])),
  };
};

/** Plays a history's deliveries. `write` plays one invocation, or its part before a crash. Some calls overlap. */
export const playHistory = async (
  history: Pick<RandomHistory, "deliveries">,
  write: (records: readonly StreamRecord[]) => Promise<void>,
): Promise<void> => {
  for (const step of history.deliveries) {
    if (step.kind === "parallel") await Promise.all(step.batches.map(write));
    else if (step.kind === "redrive") await write([step.record]);
    else await write(step.kind === "crash" ? step.records.slice(0, step.written) : step.records);
  }
};
