// Backfills beside a random history. Some items exist before the stream is read, and their changes are not in the stream.
// Pages are read at any time, written by the real worker, repeated, abandoned, and written late. A run may be a second run
// after changes were lost, or copy an older export.

import { backfillRecord, type Invoke, type ItemSource, type TaskAnswer, type Unit, work } from "@sluice/backfill";
import type { PipelineHandler } from "@sluice/core";
import type { Image, StreamRecord } from "@sluice/core/envelope";
import { lambdaContext, type RandomHistory } from "@sluice/testing";
import type { Random } from "./random.ts";

/** Changes the record of a backfill, to cause a defect. */
export type RecordMutation = (record: StreamRecord) => StreamRecord;

/** A plan of backfills for a history. */
export interface BackfillPlan {
  /** Number of the history's first record that the stream delivers. Earlier records are lost. */
  readonly first: number;
  /** Whether a run has copied the table before the last lost records were written. */
  readonly hasGap: boolean;
  readonly mutate: RecordMutation;
}

/** The function that gets the records: invokes a handler, whose environment may crash. */
export interface BackfillStage {
  readonly handler: () => PipelineHandler;
  readonly replaceHandler: () => void;
}

const isRemoval = ({ eventName }: StreamRecord): boolean => eventName === "REMOVE";

const streamOf = ({ records }: RandomHistory, time: number): string =>
  records[Math.min(time, records.length - 1)]?.eventSourceARN ?? "";

/** Number of records before `first`, back to which no item was removed and the stream is the same. */
const gapBefore = (history: RandomHistory, first: number): number => {
  let start = first;
  const isSame = (one: StreamRecord | undefined): boolean =>
    one !== undefined && !isRemoval(one) && one.eventSourceARN === streamOf(history, first);
  while (start > 0 && isSame(history.records[start - 1])) start -= 1;
  return start;
};

/** Plans backfills: half of the histories begin before the stream. */
export const backfillPlan = (
  history: RandomHistory,
  random: Random,
  mayHaveGap: boolean,
  mutate: RecordMutation,
): BackfillPlan => {
  const first = random.chance(0.3) ? 0 : random.integer(history.records.length);
  return { first, hasGap: mayHaveGap && gapBefore(history, first) < first && random.chance(0.7), mutate };
};

/** Returns the table's items after this many records. */
const tableAt = ({ records }: RandomHistory, time: number): ReadonlyMap<string, Image> => {
  const items = new Map<string, Image>();
  for (const record of records.slice(0, time)) {
    const image = record.dynamodb?.NewImage;
    if (image === undefined) items.delete(keyOf(record));
    else items.set(keyOf(record), image);
  }
  return items;
};

const keyOf = ({ dynamodb }: StreamRecord): string => {
  const { S = "" } = (dynamodb?.Keys?.pk ?? {}) as { readonly S?: string };
  return S;
};

const segments = 2;

/** The table, or an export of it, as a source. `timeOfRead` is the number of records that a page's read sees. */
const sourceOf = (
  history: RandomHistory,
  name: string,
  {
    asOf,
    streamArn,
    timeOfRead,
  }: { readonly asOf: string; readonly streamArn: string; readonly timeOfRead: () => number },
  mutate: RecordMutation,
): ItemSource => {
  const all = [...new Set(history.records.map(keyOf))].sort();
  const origin = { run: name, streamArn, keyNames: ["pk", "sk"] };
  return {
    name,
    units: async () => Array.from({ length: segments }, (_, segment): Unit => ({ kind: "segment", segment, segments })),
    pages: async function* (unit, after) {
      const own = all.filter((_, index) => unit.kind === "segment" && index % segments === unit.segment);
      for (const key of own.filter((key) => after === undefined || key > after)) {
        const image = tableAt(history, timeOfRead()).get(key);
        const records = image === undefined ? [] : [mutate(backfillRecord(origin, image, asOf))];
        yield { records, cursor: key === own.at(-1) ? undefined : key, readUnits: 1 };
      }
      if (own.length === 0) yield { records: [], cursor: undefined, readUnits: 0 };
    },
  };
};

/** One run of a backfill. */
interface Run {
  readonly source: ItemSource;
  readonly stage: BackfillStage;
  /** Units with a cursor each. */
  readonly left: { readonly unit: Unit; cursor: string | undefined }[];
}

/** The backfills beside a history. */
export interface Backfills {
  /** The table's time moves at least to the newest of these records. Then some pages are copied. */
  readonly beside: (records: readonly StreamRecord[]) => Promise<void>;
  /** Copies every page that is left, and writes what is delayed. The handlers cause no more faults. */
  readonly finish: () => Promise<void>;
}

const never = new AbortController().signal;

/** Calls a handler. A crash replaces the environment, and is an error of the function, as for Lambda. */
const invokeOf =
  (stage: BackfillStage): Invoke =>
  async (event) => {
    try {
      return (await stage.handler()(event, lambdaContext())) as unknown as TaskAnswer;
    } catch (error) {
      stage.replaceHandler();
      throw error;
    }
  };

/** Starts the backfills of a history. */
export const startBackfills = async (
  history: RandomHistory,
  plan: BackfillPlan,
  stages: readonly BackfillStage[],
  random: Random,
): Promise<Backfills> => {
  const position = new Map(history.records.map((record, index) => [record, index]));
  const runs: Run[] = [];
  const delayed: (() => Promise<unknown>)[] = [];
  let now = plan.first;
  let isFaultless = false;
  let started = 0;

  const micros = (time: number): string => String(1_800_000_000_000_000 + time * 1_000 + started).padStart(16, "0");
  const start = async (stage: BackfillStage, from: number, readsAt: (() => number) | undefined): Promise<Run> => {
    started += 1;
    const streamArn = streamOf(history, from);
    const asOf = micros(from);
    const source = sourceOf(
      history,
      `run-${started}`,
      { asOf, streamArn, timeOfRead: readsAt ?? (() => now) },
      plan.mutate,
    );
    const left = (await source.units()).map((unit) => ({ unit, cursor: undefined }));
    const run = { source, stage, left };
    runs.push(run);
    return run;
  };

  /** Copies one page in a call of its own, as after a kill at every page. A lost answer makes the page come again. */
  const copyPage = async (run: Run): Promise<void> => {
    const one = run.left[random.integer(run.left.length)];
    if (one === undefined) return;
    const page = (invoke: Invoke) =>
      work({
        source: run.source,
        unit: one.unit,
        after: one.cursor,
        invoke,
        signal: never,
        isOver: () => true,
        limits: { firstDelayMs: 0, maxAttempts: isFaultless ? 6 : 1 },
      });
    const invoke = invokeOf(run.stage);
    if (!isFaultless && random.chance(0.15)) {
      // A worker freezes after it has read a page. Another one takes over, and the first one writes its page later.
      await page(async (event) => {
        delayed.push(() => invoke(event, never).catch(() => undefined));
        return {
          outcomes: event.Records.map(({ eventID = "" }) => ({ itemIdentifier: eventID, outcome: "delivered" })),
          routes: [],
        };
      });
      return;
    }
    const { isDone, cursor, failures } = await page(invoke);
    if (failures.length > 0 || (!isFaultless && random.chance(0.2))) return;
    one.cursor = cursor;
    if (isDone) run.left.splice(run.left.indexOf(one), 1);
  };

  const finishRun = async (run: Run): Promise<void> => {
    for (let pages = 0; run.left.length > 0; pages += 1) {
      if (pages === 500) throw new Error("a backfill did not end after 500 pages");
      await copyPage(run);
    }
  };

  const startAtRandom = async (): Promise<void> => {
    const stage = stages[random.integer(stages.length)] as BackfillStage;
    const exported = plan.first + random.integer(now - plan.first + 1);
    const isOfStream = streamOf(history, exported) === streamOf(history, now);
    if (random.chance(0.3) && isOfStream) await start(stage, exported, () => exported);
    else await start(stage, now, undefined);
  };

  if (plan.hasGap) {
    const before = gapBefore(history, plan.first);
    now = before + random.integer(plan.first - before);
    for (const stage of stages) await finishRun(await start(stage, now, undefined));
    now = plan.first;
  }
  for (const stage of stages) await start(stage, now, undefined);

  return {
    beside: async (records) => {
      const newest = Math.max(now, ...records.map((record) => (position.get(record) ?? -1) + 1));
      now = Math.min(history.records.length, newest + random.integer(3));
      if (runs.length < 3 * stages.length && random.chance(0.1)) await startAtRandom();
      if (random.chance(0.2)) await delayed.splice(random.integer(delayed.length), 1)[0]?.();
      for (const run of runs) if (random.chance(0.5)) await copyPage(run);
    },
    finish: async () => {
      isFaultless = true;
      now = history.records.length;
      for (const write of delayed.splice(0).filter(() => random.chance(0.5))) await write();
      for (const run of runs) await finishRun(run);
      for (const write of delayed.splice(0)) await write();
    },
  };
};
