// A sink with random faults: a failure before, during or after the write, a partial or missing result, a rejection, or
// a late write. A late write reaches the target after the end of its invocation.

import { setMaxListeners } from "node:events";
import {
  type Delivery,
  failed,
  type Sink,
  SinkError,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { Random } from "./random.ts";

/** Crashes the invocation. Lambda then receives no response. */
export class Crash extends Error {}

/** A sink that injects faults. It stands between core and the real sink. */
export interface FaultySink<Message> {
  readonly sink: Sink<Message, "upsert">;
  /** Makes the next write crash the invocation after `written` deliveries have been written. */
  readonly crashAfter: (written: number) => void;
  /** Starts the late writes, which run concurrently with other work. Resolves when the late writes have finished. */
  readonly releaseLateWrites: () => Promise<void>;
  /** From now on, every write succeeds. */
  readonly stopFaults: () => void;
}

type Write<Message> = Sink<Message, "upsert">["write"];
type Batch<Message> = Parameters<Write<Message>>[0];

const sinkErrors = {
  unavailable: new SinkError("SINK_UNAVAILABLE", "[faulty] the connection was refused"),
  lost: new SinkError("SINK_TIMEOUT", "[faulty] the answer was lost"),
  throttled: new SinkError("SINK_THROTTLED", "[faulty] the target throttled the entry"),
  rejected: new SinkError("SINK_REJECTED", "[faulty] the target refused the entry"),
} as const;

const withoutDeadline = (): WriteContext => {
  const { signal } = new AbortController();
  // A sink may listen once for each delivery.
  setMaxListeners(0, signal);
  return { signal, remainingMs: () => Number.POSITIVE_INFINITY };
};

const failAll = (batch: readonly Delivery[], error: SinkError): WriteResult[] =>
  batch.map((delivery) => failed(delivery, error));

const firstHalf = <Entry>(entries: readonly Entry[]): Entry[] => entries.slice(0, Math.ceil(entries.length / 2));

/** The faults of a write. A fault with a higher weight is more frequent. */
const faults = {
  none: 52,
  "refused before": 5,
  "lost afterwards": 6,
  "lost halfway": 5,
  "crash halfway": 4,
  "crash afterwards": 4,
  "throttled in part": 6,
  "rejected in part": 5,
  "partial result": 4,
  "late write": 12,
} as const;
type Fault = keyof typeof faults;

const weighted: readonly Fault[] = Object.entries(faults).flatMap(([fault, weight]) =>
  Array.from({ length: weight }, () => fault as Fault),
);

/** A write that has not reached the target yet, although its invocation no longer waits for the write. */
interface LateWrite {
  readonly itemKeys: ReadonlySet<string>;
  readonly arrive: () => Promise<unknown>;
}

const itemKeysOf = (batch: readonly Delivery[]): Set<string> => new Set(batch.map(({ change }) => change.itemKey));

/** Wraps the real sink in a faulty sink. */
export const faultySink = <Message>(real: Sink<Message, "upsert">, random: Random): FaultySink<Message> => {
  const lateWrites: LateWrite[] = [];
  const arriving = new Set<Promise<unknown>>();
  let isFaultless = false;
  let crashAt: number | undefined;

  /** Writes most deliveries. For the other deliveries, returns the error. */
  const exceptSome = async (batch: Batch<Message>, context: WriteContext, error: SinkError): Promise<WriteResult[]> => {
    const hit = new Set(random.some(batch, 0.4));
    const rest = batch.filter((delivery) => !hit.has(delivery));
    return [...(await real.write(rest, context)), ...failAll([...hit], error)];
  };

  const writeWith: Readonly<
    Record<Fault, (batch: Batch<Message>, context: WriteContext) => Promise<readonly WriteResult[]>>
  > = {
    none: (batch, context) => real.write(batch, context),
    "refused before": async () => {
      throw sinkErrors.unavailable;
    },
    "lost afterwards": async (batch, context) => {
      await real.write(batch, context);
      return failAll(batch, sinkErrors.lost);
    },
    "lost halfway": async (batch, context) => {
      await real.write(firstHalf(batch), context);
      throw sinkErrors.unavailable;
    },
    "crash halfway": async (batch, context) => {
      await real.write(firstHalf(batch), context);
      throw new Crash();
    },
    "crash afterwards": async (batch, context) => {
      await real.write(batch, context);
      throw new Crash();
    },
    "throttled in part": (batch, context) => exceptSome(batch, context, sinkErrors.throttled),
    "rejected in part": (batch, context) => exceptSome(batch, context, sinkErrors.rejected),
    "partial result": async (batch, context) => random.some(await real.write(batch, context), 0.6),
    "late write": async (batch) => {
      lateWrites.push({ itemKeys: itemKeysOf(batch), arrive: () => real.write(batch, withoutDeadline()) });
      return failAll(batch, sinkErrors.lost);
    },
  };

  const release = (isReleased: (lateWrite: LateWrite) => boolean): void => {
    for (const lateWrite of lateWrites.splice(0)) {
      if (!isReleased(lateWrite)) lateWrites.push(lateWrite);
      else {
        // A late write may fail, as any write. Its invocation has reported its deliveries as failed.
        const arrival: Promise<unknown> = lateWrite
          .arrive()
          .catch(() => undefined)
          .finally(() => arriving.delete(arrival));
        arriving.add(arrival);
      }
    }
  };

  const write: Write<Message> = async (batch, context) => {
    // Starts late writes of the batch's items, because a late write is most dangerous during a later write of its item.
    const itemKeys = itemKeysOf(batch);
    release((lateWrite) => random.chance(0.3) && [...lateWrite.itemKeys].some((itemKey) => itemKeys.has(itemKey)));
    if (crashAt !== undefined) {
      const written = batch.slice(0, crashAt);
      crashAt = undefined;
      await real.write(written, context);
      throw new Crash();
    }
    return writeWith[isFaultless ? "none" : (weighted[random.integer(weighted.length)] ?? "none")](batch, context);
  };

  return {
    // Only `write` is replaced. The other members, for example a mapper, are those of the real sink.
    sink: { ...real, write },
    crashAfter: (written) => {
      crashAt = written;
    },
    releaseLateWrites: async () => {
      release(() => true);
      await Promise.all(arriving);
    },
    stopFaults: () => {
      isFaultless = true;
    },
  };
};
