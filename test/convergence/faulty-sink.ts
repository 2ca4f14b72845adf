// A sink that meets everything that can happen to a write: it fails before, halfway or afterwards, is answered in part or
// not at all, is refused, or is believed lost and arrives when nobody waits for it any more.

import {
  type Delivery,
  failed,
  type Sink,
  SinkError,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { Random } from "./random.ts";

/** The invocation ends in the middle of its work: no answer to Lambda. */
export class Crash extends Error {}

/** A sink between core and the real one. */
export interface Adversary<Message> {
  readonly sink: Sink<Message, "upsert">;
  /** Makes the next write end after its first `written` deliveries, and the invocation with it. */
  readonly crashAfter: (written: number) => void;
  /** Starts the writes that were believed lost, beside whatever else is going on; resolves when they are over. */
  readonly releaseZombies: () => Promise<void>;
  /** From now on every write just succeeds. */
  readonly calm: () => void;
}

type Write<Message> = Sink<Message, "upsert">["write"];
type Batch<Message> = Parameters<Write<Message>>[0];

const sinkErrors = {
  unavailable: new SinkError("SINK_UNAVAILABLE", "[adversary] the connection was refused"),
  lost: new SinkError("SINK_TIMEOUT", "[adversary] the answer was lost"),
  throttled: new SinkError("SINK_THROTTLED", "[adversary] the target throttled the entry"),
  rejected: new SinkError("SINK_REJECTED", "[adversary] the target refused the entry"),
} as const;

const unhurried = (): WriteContext => ({
  signal: new AbortController().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
});

const failAll = (batch: readonly Delivery[], error: SinkError): WriteResult[] =>
  batch.map((delivery) => failed(delivery, error));

const firstHalf = <Entry>(entries: readonly Entry[]): Entry[] => entries.slice(0, Math.ceil(entries.length / 2));

/** What a write may meet, each with its weight. */
const mishaps = {
  none: 52,
  "refused before": 5,
  "lost afterwards": 6,
  "lost halfway": 5,
  "crash halfway": 4,
  "crash afterwards": 4,
  "throttled in part": 6,
  "rejected in part": 5,
  "answered in part": 4,
  zombie: 12,
} as const;
type Mishap = keyof typeof mishaps;

const weighted: readonly Mishap[] = Object.entries(mishaps).flatMap(([mishap, weight]) =>
  Array.from({ length: weight }, () => mishap as Mishap),
);

/** A write that its invocation gave up, and that has not reached the target yet. */
interface Zombie {
  readonly itemKeys: ReadonlySet<string>;
  readonly arrive: () => Promise<unknown>;
}

const itemKeysOf = (batch: readonly Delivery[]): Set<string> => new Set(batch.map(({ change }) => change.itemKey));

/** Puts an adversary before a sink. */
export const adversaryOf = <Message>(real: Sink<Message, "upsert">, random: Random): Adversary<Message> => {
  const zombies: Zombie[] = [];
  const arriving = new Set<Promise<unknown>>();
  let isCalm = false;
  let crashAt: number | undefined;

  /** Writes all but a few, which fail with the error. */
  const exceptSome = async (batch: Batch<Message>, context: WriteContext, error: SinkError): Promise<WriteResult[]> => {
    const hit = new Set(random.some(batch, 0.4));
    const rest = batch.filter((delivery) => !hit.has(delivery));
    return [...(await real.write(rest, context)), ...failAll([...hit], error)];
  };

  const meet: Readonly<
    Record<Mishap, (batch: Batch<Message>, context: WriteContext) => Promise<readonly WriteResult[]>>
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
    "answered in part": async (batch, context) => random.some(await real.write(batch, context), 0.6),
    zombie: async (batch) => {
      zombies.push({ itemKeys: itemKeysOf(batch), arrive: () => real.write(batch, unhurried()) });
      return failAll(batch, sinkErrors.lost);
    },
  };

  const release = (isReleased: (zombie: Zombie) => boolean): void => {
    for (const zombie of zombies.splice(0)) {
      if (!isReleased(zombie)) zombies.push(zombie);
      else {
        const arrival: Promise<unknown> = zombie.arrive().finally(() => arriving.delete(arrival));
        arriving.add(arrival);
      }
    }
  };

  const write: Write<Message> = async (batch, context) => {
    // The worst moment to arrive: while a later change of the same item is written.
    const itemKeys = itemKeysOf(batch);
    release((zombie) => random.chance(0.3) && [...zombie.itemKeys].some((itemKey) => itemKeys.has(itemKey)));
    if (crashAt !== undefined) {
      const written = batch.slice(0, crashAt);
      crashAt = undefined;
      await real.write(written, context);
      throw new Crash();
    }
    return meet[isCalm ? "none" : (weighted[random.integer(weighted.length)] ?? "none")](batch, context);
  };

  return {
    // With the members of the real sink: one that brings its own mapping keeps it.
    sink: { ...real, write },
    crashAfter: (written) => {
      crashAt = written;
    },
    releaseZombies: async () => {
      release(() => true);
      await Promise.all(arriving);
    },
    calm: () => {
      isCalm = true;
    },
  };
};
