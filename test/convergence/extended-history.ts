// Adds attributes to the items of a random history, in its records, its deliveries and its expected items.

import type { Image, StreamRecord } from "@sluice/core/sink-kit";
import type { RandomHistory } from "@sluice/testing";

type Extend = (image: Image) => Image;

const recordWith = (record: StreamRecord, extend: Extend): StreamRecord => {
  const { NewImage, OldImage } = record.dynamodb ?? {};
  return {
    ...record,
    dynamodb: {
      ...record.dynamodb,
      ...(NewImage && { NewImage: extend(NewImage) }),
      ...(OldImage && { OldImage: extend(OldImage) }),
    },
  };
};

/** Returns the history with the extended items. Its deliveries share the records of its stream, as before. */
export const extended = (history: RandomHistory, extend: Extend | undefined): RandomHistory => {
  if (extend === undefined) return history;
  const records = new Map(history.records.map((record) => [record, recordWith(record, extend)]));
  const one = (record: StreamRecord): StreamRecord => records.get(record) ?? recordWith(record, extend);
  return {
    ...history,
    records: [...records.values()],
    deliveries: history.deliveries.map((step) => {
      if (step.kind === "redrive") return { ...step, record: one(step.record) };
      if (step.kind === "parallel") return { ...step, batches: step.batches.map((batch) => batch.map(one)) };
      return { ...step, records: step.records.map(one) };
    }),
    expected: new Map([...history.expected].map(([itemKey, image]) => [itemKey, extend(image)])),
  };
};
