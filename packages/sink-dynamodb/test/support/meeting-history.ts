// Random histories of items that meet in few target keys, stay together, and move between the keys. The model of the
// target is three lines: of the items that have a key in the end, the item with the newest change is shown.

import { decodeRecord, type StreamRecord, type UnknownItem } from "@sluice/core/sink-kit";
import { type DeliveryStep, tableHistory } from "@sluice/testing";
import { deliveriesOf, randomOf } from "./username-history.ts";

/** A history, and the final state that the target must have. */
export interface MeetingHistory {
  readonly records: readonly StreamRecord[];
  readonly deliveries: readonly DeliveryStep[];
  readonly expected: readonly UnknownItem[];
}

/** How the items of a history are mapped to target keys. */
export interface Meeting {
  /** Returns the key that an item has in the target, undefined for none. */
  readonly placeOf: (item: UnknownItem) => string | undefined;
  /** Returns the item as the target has it. */
  readonly map: (item: UnknownItem) => UnknownItem;
  readonly viewType: "NEW_IMAGE" | "NEW_AND_OLD_IMAGES";
}

/** Returns what the target shows in the end. */
const modelOf = (records: readonly StreamRecord[], { placeOf, map }: Meeting): UnknownItem[] => {
  const last = new Map(records.map((record) => [decodeRecord(record).itemKey, decodeRecord(record)]));
  const live = [...last.values()].sort((left, right) => (left.version < right.version ? -1 : 1));
  const shown = new Map(live.map(({ after }) => [after && placeOf(after), after] as const));
  return [...shown].flatMap(([place, item]) => (place === undefined || item === undefined ? [] : [map(item)]));
};

/** A history of four items in two partitions. Each item has one of three places, and may be inactive. */
export const meetingHistory = (seed: number, prefix: string, meeting: Meeting): MeetingHistory => {
  const random = randomOf(seed);
  const { viewType } = meeting;
  const table = tableHistory({ tableName: `Meetings-${prefix}`, keyNames: ["pk", "sk"], viewType });
  const existing = new Set<number>();
  for (let revision = 1; revision <= 14; revision += 1) {
    const number = random(4);
    const key = { pk: `${prefix}-p${number % 2}`, sk: `${number}` };
    if (existing.has(number) && random(4) === 0) {
      table.remove(key);
      existing.delete(number);
    } else {
      table.put({ ...key, place: `${prefix}-${random(3)}`, isActive: random(4) > 0, revision });
      existing.add(number);
    }
  }
  const records = table.records();
  return { records, deliveries: deliveriesOf(random, records), expected: modelOf(records, meeting) };
};
