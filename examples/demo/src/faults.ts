// Injects the faults of the demo. For each feed, half of one batch fails. The function also crashes once, after all
// messages of the batch were sent. After each fault Lambda delivers the records again.

import { AsyncLocalStorage } from "node:async_hooks";
import type { PipelineHandler } from "@sluice/core";
import {
  type AppendDelivery,
  failed,
  type Sink,
  SinkError,
  type StreamRecord,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { filmIdOf, type Interest, isWanted } from "./feeds/interest.ts";

/** The faults of one run. */
export interface Faults {
  /** Wraps a sink, so that the sink fails for the films in the `FaultPlan` of the invocation. */
  readonly unreliable: <Message>(sink: Sink<Message, "append">) => Sink<Message, "append">;
  /** Wraps a handler, so that the handler crashes once. */
  readonly crashing: (handler: PipelineHandler) => PipelineHandler;
  /** Names of the feeds for which half of a batch has already failed. */
  readonly halved: ReadonlySet<string>;
  /** Number of records in the invocation that crashed. 0 if no invocation has crashed. */
  readonly crashedRecords: () => number;
}

/** The films whose deliveries fail during an invocation, as film ids by the name of the feed. */
type FaultPlan = ReadonlyMap<string, ReadonlySet<string>>;

/** Half of a batch fails only if the batch contains at least this number of the feed's films. */
const fewestFilms = 4;

/** The function crashes only in an invocation with at least this number of records. */
const fewestCrashed = 20;

const unavailable = (name: string): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[${name}] half of this batch fails on purpose`);

const failingFor = <Message>(
  sink: Sink<Message, "append">,
  failingFilms: () => ReadonlySet<string> | undefined,
): Sink<Message, "append"> => ({
  ...sink,
  write: async (batch, context) => {
    const films = failingFilms();
    if (films === undefined) return sink.write(batch, context);
    const isFailing = ({ change }: AppendDelivery<Message>): boolean => films.has(filmIdOf(change.record));
    const rest = batch.filter((delivery) => !isFailing(delivery));
    const results: readonly WriteResult[] = rest.length === 0 ? [] : await sink.write(rest, context);
    return [...results, ...batch.filter(isFailing).map((delivery) => failed(delivery, unavailable(sink.name)))];
  },
});

const secondHalf = (films: readonly string[]): ReadonlySet<string> => new Set(films.slice(Math.ceil(films.length / 2)));

/** Plans the faults of these feeds. If there are no feeds, there are no faults. */
export const planFaults = (
  feeds: readonly { readonly name: string; readonly interest: Interest | undefined }[],
): Faults => {
  const plans = new AsyncLocalStorage<FaultPlan>();
  const halved = new Set<string>();
  let crashedRecords = 0;

  const planOf = (records: readonly StreamRecord[]): FaultPlan => {
    const plan = new Map<string, ReadonlySet<string>>();
    for (const { name, interest } of feeds) {
      if (halved.has(name)) continue;
      const films = [...new Set(records.filter((record) => isWanted(interest, record)).map(filmIdOf))];
      if (films.length < fewestFilms) continue;
      halved.add(name);
      plan.set(name, secondHalf(films));
    }
    return plan;
  };
  /**
   * Returns true only for the first invocation that has enough records and at least one record for each feed.
   */
  const crashesNow = (records: readonly StreamRecord[]): boolean =>
    crashedRecords === 0 &&
    feeds.length > 0 &&
    records.length >= fewestCrashed &&
    feeds.every(({ interest }) => records.some((record) => isWanted(interest, record)));

  return {
    halved,
    crashedRecords: () => crashedRecords,
    unreliable: (sink) => failingFor(sink, () => plans.getStore()?.get(sink.name)),
    crashing: (handler) => async (event, context) => {
      const { Records: records } = event as { readonly Records: readonly StreamRecord[] };
      const plan = planOf(records);
      const response = await plans.run(plan, () => handler(event, context));
      if (plan.size > 0 || response.batchItemFailures.length > 0 || !crashesNow(records)) return response;
      crashedRecords = records.length;
      throw new Error("the function crashes on purpose: all messages are sent, but Lambda gets no response");
    },
  };
};
