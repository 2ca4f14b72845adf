// What one environment knows of a target that is down. After a few batches that failed as a whole it is left alone, but
// for one write now and then that goes to see: docs/decisions/0030-spill.md says why no environment asks another.

import type { Clock, Deadline } from "../async/deadline.ts";
import { type DeliveryError, isTargetWide, SinkError } from "../errors.ts";
import { type Delivery, failed, type Sink, type WriteContext, type WriteResult, withWrite } from "../sink/sink.ts";
import type { BatchEntry, Results } from "./delivery-result.ts";

/** Batches in a row that must fail as a whole, with that many items at least: one that never succeeds is no outage. */
const batchesToOpen = 3;
const itemsToOpen = 2;

/** Between two probes; it doubles from probe to probe, and its second half is chance's. */
const firstProbeMs = 1_000;
const longestProbeMs = 60_000;

/**
 * How long a probe may take, in ms. Beside other sinks, which wait for it, little: their p99 stays as it was (bench:
 * `isolation`). In an invocation of the retry queue, where nobody waits, it doubles: a target that is slow for once shall
 * not stay down.
 */
const probeTimeoutMs = { besideOthers: 250, alone: 2_000 };

/** Of an invocation that follows one whose batch has failed as a whole. */
const suspectMs = 2_000;

/**
 * How the deliveries of a batch may be written: all of them, none, or one write that goes to see for so long, and then
 * the others.
 */
export type Admission = "all" | "none" | { readonly probeTimeoutMs: number };

/** What became of a batch at a target. */
interface BatchResult {
  readonly isAnswered: boolean;
  readonly failure: DeliveryError | undefined;
  readonly itemKeys: ReadonlySet<string>;
}

/** The first answer of the target settles it: what was never attempted says nothing. */
const resultOf = (entries: readonly BatchEntry[], results: Results): BatchResult => {
  const itemKeys = new Set<string>();
  let failure: DeliveryError | undefined;
  for (const { position, change } of entries) {
    const result = results.get(position);
    if (result === undefined || result.attempts === 0 || result.error?.code === "DELIVERY_PENDING") continue;
    if (result.error === undefined || !isTargetWide(result.error.code)) {
      return { isAnswered: true, failure: undefined, itemKeys };
    }
    failure = result.error;
    itemKeys.add(change.itemKey);
  }
  return { isAnswered: false, failure, itemKeys };
};

/** A delivery that was not attempted, because its target is down. Not tried again within the invocation. */
export class CircuitOpenError extends SinkError {
  constructor(route: string, last: DeliveryError | undefined) {
    super("SINK_UNAVAILABLE", `[${route}] the target is left alone: its last batches failed as a whole`, {
      cause: last,
      retryAfterMs: Number.POSITIVE_INFINITY,
    });
  }
}

/** The state of one route's target, as this environment sees it. */
export class CircuitBreaker {
  readonly #clock: Clock;
  #failedBatches = 0;
  #failedItems = new Set<string>();
  #lastFailure: DeliveryError | undefined = undefined;
  #probes = 0;
  #nextProbeAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that a batch may take: fewer when the one before has failed as a whole. */
  timeFor(usualMs: number): number {
    return this.#failedBatches === 0 ? usualMs : Math.min(usualMs, suspectMs);
  }

  get lastFailure(): DeliveryError | undefined {
    return this.#lastFailure;
  }

  /** How a batch may be written that can be spilled. One that cannot is Lambda's to hold back. */
  admit({ isAlone }: { readonly isAlone: boolean }): Admission {
    if (this.#failedBatches < batchesToOpen || this.#failedItems.size < itemsToOpen) return "all";
    if (this.#clock.now() < this.#nextProbeAt) return "none";
    const ms = isAlone ? probeTimeoutMs.alone * 2 ** Math.min(this.#probes - 1, 10) : probeTimeoutMs.besideOthers;
    this.#scheduleProbe();
    return { probeTimeoutMs: ms };
  }

  /** Takes what became of a batch that passed whole. */
  record(entries: readonly BatchEntry[], results: Results): void {
    const { isAnswered, failure, itemKeys } = resultOf(entries, results);
    if (isAnswered) this.close();
    else if (failure !== undefined) this.#count(failure, itemKeys);
  }

  /** The target answers again. */
  close(): void {
    this.#failedBatches = 0;
    this.#failedItems = new Set();
    this.#lastFailure = undefined;
    this.#probes = 0;
  }

  #count(failure: DeliveryError, itemKeys: ReadonlySet<string>): void {
    this.#failedBatches += 1;
    this.#lastFailure = failure;
    for (const itemKey of itemKeys) if (this.#failedItems.size < itemsToOpen) this.#failedItems.add(itemKey);
    if (this.#failedBatches === batchesToOpen) this.#scheduleProbe();
  }

  #scheduleProbe(): void {
    const longest = Math.min(longestProbeMs, firstProbeMs * 2 ** Math.min(this.#probes, 10));
    this.#probes += 1;
    this.#nextProbeAt = this.#clock.now() + longest / 2 + (this.#clock.random() * longest) / 2;
  }
}

/** What a probing sink needs of its route and invocation. */
export interface Probing {
  readonly route: string;
  readonly breaker: CircuitBreaker;
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly admission: Exclude<Admission, "all">;
}

const allFailed = (batch: readonly Delivery[], error: SinkError): WriteResult[] =>
  batch.map((delivery) => failed(delivery, error));

const isOfTheTarget = (result: WriteResult): boolean => result.outcome === "failed" && isTargetWide(result.error.code);

/** The context of a probe, whose time is short. */
const probeContext = ({ signal, remainingMs }: WriteContext, ms: number, over: AbortSignal): WriteContext => ({
  signal: AbortSignal.any([signal, over]),
  remainingMs: () => Math.min(remainingMs(), ms),
});

/** One write that has a time of its own, and is not tried again. */
const probe = async (
  sink: Sink<unknown>,
  { route, clock, deadline }: Probing,
  ms: number,
  write: { readonly batch: readonly Delivery[]; readonly context: WriteContext },
): Promise<readonly WriteResult[]> => {
  const over = new AbortController();
  const done = new AbortController();
  const overrun = async (): Promise<readonly WriteResult[]> => {
    await clock.sleep(ms, done.signal);
    over.abort();
    await clock.sleep(deadline.settleMs, done.signal);
    const found = `[${route}] the probe had no answer within ${ms} ms`;
    return allFailed(write.batch, new SinkError("SINK_TIMEOUT", found, { retryAfterMs: Number.POSITIVE_INFINITY }));
  };
  try {
    const answer = sink.write(write.batch as never, probeContext(write.context, ms, over.signal));
    return await Promise.race([answer, overrun()]);
  } finally {
    done.abort();
  }
};

/**
 * The sink of a target that is left alone, for one batch: none of it is written, or one write goes to see. Where that is
 * of one item, so does a second: the first may be the one that never succeeds.
 */
export const probingSink = (sink: Sink<unknown>, probing: Probing): Sink<unknown> => {
  const { route, breaker, admission } = probing;
  let probesLeft = admission === "none" ? 0 : itemsToOpen;
  let isBack: Promise<boolean> = Promise.resolve(false);
  const heard = (results: readonly WriteResult[]): boolean => {
    const answers = !results.every(isOfTheTarget);
    if (answers) breaker.close();
    return answers;
  };
  return withWrite(sink, async (batch: readonly Delivery[], context) => {
    if (await isBack) return sink.write(batch as never, context);
    if (admission === "none" || probesLeft <= 0)
      return allFailed(batch, new CircuitOpenError(route, breaker.lastFailure));
    probesLeft -= batch.length;
    const answer = probe(sink, probing, admission.probeTimeoutMs, { batch, context });
    isBack = answer.then(heard, () => false);
    return answer;
  });
};
