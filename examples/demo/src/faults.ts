// What goes wrong on purpose: for each feed a batch that fails half way, once; and a function that crashes when all is
// sent, once. Lambda then delivers the records again.

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
import { type Feed, filmIdOf, isWanted } from "./feeds/feed.ts";

/** The faults of one run. */
export interface Faults {
  /** The sink, but that it refuses what the invocation's plan says. */
  readonly unreliable: <Message>(sink: Sink<Message, "append">) => Sink<Message, "append">;
  /** The handler, but that its function crashes once. */
  readonly crashing: (handler: PipelineHandler) => PipelineHandler;
  /** Names of the feeds that have had their half batch. */
  readonly halved: ReadonlySet<string>;
  /** Records of the invocation that crashed; 0 before it has. */
  readonly crashedRecords: () => number;
}

/** Film ids that a feed refuses, by its name, for the whole of an invocation. */
type Plan = ReadonlyMap<string, ReadonlySet<string>>;

/** A batch with fewer films has no half worth the name. */
const fewestFilms = 4;

/** The rest of a batch that failed half way can be a handful: no crash worth the name. */
const fewestCrashed = 20;

const unavailable = (name: string): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[${name}] the demo lets half of this batch fail`);

const refusing = <Message>(
  sink: Sink<Message, "append">,
  refused: () => ReadonlySet<string> | undefined,
): Sink<Message, "append"> => ({
  ...sink,
  write: async (batch, context) => {
    const films = refused();
    if (films === undefined) return sink.write(batch, context);
    const isRefused = ({ change }: AppendDelivery<Message>): boolean => films.has(filmIdOf(change.record));
    const rest = batch.filter((delivery) => !isRefused(delivery));
    const results: readonly WriteResult[] = rest.length === 0 ? [] : await sink.write(rest, context);
    return [...results, ...batch.filter(isRefused).map((delivery) => failed(delivery, unavailable(sink.name)))];
  },
});

const secondHalf = (films: readonly string[]): ReadonlySet<string> => new Set(films.slice(Math.ceil(films.length / 2)));

/** Plans the faults of these feeds. Without feeds there are none. */
export const planFaults = (feeds: readonly Pick<Feed, "name" | "interest">[]): Faults => {
  const plans = new AsyncLocalStorage<Plan>();
  const halved = new Set<string>();
  let crashedRecords = 0;

  const planOf = (records: readonly StreamRecord[]): Plan => {
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
  /** Once every feed was sent something by an invocation that was well. */
  const crashesNow = (records: readonly StreamRecord[]): boolean =>
    crashedRecords === 0 &&
    feeds.length > 0 &&
    records.length >= fewestCrashed &&
    feeds.every(({ interest }) => records.some((record) => isWanted(interest, record)));

  return {
    halved,
    crashedRecords: () => crashedRecords,
    unreliable: (sink) => refusing(sink, () => plans.getStore()?.get(sink.name)),
    crashing: (handler) => async (event, context) => {
      const { Records: records } = event as { readonly Records: readonly StreamRecord[] };
      const plan = planOf(records);
      const response = await plans.run(plan, () => handler(event, context));
      if (plan.size > 0 || response.batchItemFailures.length > 0 || !crashesNow(records)) return response;
      crashedRecords = records.length;
      throw new Error("the demo lets the function crash here: all is sent, and Lambda does not know");
    },
  };
};
