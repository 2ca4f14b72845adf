// A sink whose answers a test sets. The sink also checks that core obeys the contract between core and sinks.

import {
  type Delivery,
  delivered,
  failed,
  type Sink,
  SinkError,
  type SinkErrorCode,
  superseded,
  type WriteContext,
  type WriteResult,
} from "../src/sink-kit.ts";

export type Answer = "delivered" | SinkErrorCode | "unreported";

export interface Script<Writes extends "upsert" | "append"> {
  readonly writes: Writes;
  readonly name?: string;
  readonly maxEntries?: number;
  readonly concurrency?: number;
  /** Returns the answer to a delivery. `attempt` is 1 for the first attempt of a change. Default: delivered. */
  readonly answer?: (delivery: Delivery, attempt: number) => Answer;
  /** Returns the results of a batch, or undefined to use `answer`. The promise may reject or never settle. */
  readonly interrupt?: (
    batch: readonly Delivery[],
    context: WriteContext,
  ) => Promise<readonly WriteResult[]> | undefined;
}

export interface ScriptedSink<Writes extends "upsert" | "append"> extends Sink<unknown, Writes> {
  /** The deliveries of each `write`. */
  readonly calls: Delivery[][];
  /** Largest number of calls in flight at once. */
  readonly mostInFlight: () => number;
  /** Deliveries that the sink answered with "delivered", in order. */
  readonly taken: Delivery[];
  /** The content of an upsert target. Maps the key of each existing item to its message. */
  readonly held: () => Map<string, unknown>;
  /** Describes each case in which core broke the contract of sinks. */
  readonly breaches: string[];
}

const resultOf = (delivery: Delivery, answer: Exclude<Answer, "unreported">): WriteResult =>
  answer === "delivered" ? delivered(delivery) : failed(delivery, new SinkError(answer, `[scripted] ${answer}`));

export const scriptedSink = <Writes extends "upsert" | "append">(script: Script<Writes>): ScriptedSink<Writes> => {
  const { writes, name = "scripted", maxEntries, concurrency, answer = () => "delivered", interrupt } = script;
  const calls: Delivery[][] = [];
  const taken: Delivery[] = [];
  const breaches: string[] = [];
  const attempts = new Map<string, number>();
  const busy = new Set<string>();
  const target = new Map<string, { version: string; message: unknown }>();
  let inFlight = 0;
  let most = 0;

  const occupy = (batch: readonly Delivery[], { signal }: WriteContext): void => {
    if (batch.length === 0) breaches.push("an empty write");
    if (batch.length > (maxEntries ?? Number.POSITIVE_INFINITY)) breaches.push("more than maxEntries");
    if (signal.aborted) breaches.push("a write after the deadline");
    for (const { change } of batch) {
      if (busy.has(change.itemKey)) breaches.push("two deliveries of one item at once");
      busy.add(change.itemKey);
    }
  };
  const store = (delivery: Delivery): "delivered" | "superseded" => {
    const { itemKey, version } = delivery.change;
    if (writes === "upsert" && (target.get(itemKey)?.version ?? "") >= version) return "superseded";
    target.set(itemKey, { version, message: delivery.message });
    taken.push(delivery);
    return "delivered";
  };
  const answerOne = (delivery: Delivery): WriteResult[] => {
    const attempt = (attempts.get(delivery.change.eventId) ?? 0) + 1;
    attempts.set(delivery.change.eventId, attempt);
    const result = answer(delivery, attempt);
    if (result === "unreported") return [];
    if (result !== "delivered") return [resultOf(delivery, result)];
    return [store(delivery) === "delivered" ? delivered(delivery) : superseded(delivery)];
  };
  return {
    name,
    supports: { writes, ...(maxEntries && { maxEntries }), ...(concurrency && { concurrency }) },
    calls,
    taken,
    breaches,
    mostInFlight: () => most,
    held: () =>
      new Map([...target].flatMap(([key, { message }]) => (message === undefined ? [] : [[key, message] as const]))),
    write: async (batch, context) => {
      calls.push([...batch]);
      occupy(batch, context);
      inFlight += 1;
      most = Math.max(most, inFlight);
      try {
        const interrupted = interrupt?.(batch, context);
        if (interrupted !== undefined) return await interrupted;
        await new Promise((resolve) => setImmediate(resolve));
        return batch.flatMap(answerOne);
      } finally {
        inFlight -= 1;
        for (const { change } of batch) busy.delete(change.itemKey);
      }
    },
  };
};
