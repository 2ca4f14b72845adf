// The circuit breaker of a route. It opens after a few batches that failed as a whole. After that, a batch is written
// only if one write, the probe, succeeds first. docs/decisions/0030-retry-queue.md: environments share no state.

import { type CallResult, type Circuit, circuit } from "../async/circuit-breaker.ts";
import { type Countdown, countdown, countedDown } from "../async/countdown.ts";
import type { Clock, Deadline } from "../async/deadline.ts";
import { type DeliveryError, isTargetWide, isUntried, SinkError, UntriedError } from "../errors.ts";
import type { PipelineLogger } from "../logger.ts";
import { type Delivery, failed, type Sink, type WriteContext, type WriteResult, withWrite } from "../sink/sink.ts";
import type { RouteId } from "./dedupe-store.ts";
import type { BatchEntry, Results } from "./delivery-result.ts";

/** This many failed batches in a row open the circuit, unless only one item failed: that would not be an outage. */
const batchesToOpen = 3;
const itemsToOpen = 2;

/** Delay before the next probe. Doubles with each failed probe. A target that is back is probed within five seconds. */
const firstProbeMs = 1_000;
const longestProbeMs = 5_000;

/**
 * Timeout of a probe. `besideOthers`: other sinks of the invocation wait for the probe, so the timeout is short and
 * their p99 does not change (bench: `isolation`). `alone`: an invocation of the retry queue, in which no other sink
 * waits. This timeout doubles with each failed probe, so that a slow target does not count as down.
 */
const probeTimeoutMs = { besideOthers: 250, alone: 2_000 };

/** After a failed probe beside others, no such probe for this many times its duration: 1 % of their time, at most. */
const restFactor = 100;

/** Timeout of a batch in milliseconds, if the previous batch failed as a whole. */
const timeoutAfterFailureMs = 2_000;

/** A probe that the circuit breaker admits. */
export interface Probe {
  readonly probeTimeoutMs: number;
  readonly isAlone: boolean;
}

/** Which deliveries of a batch may be written: all, none, or first a probe and, if the probe succeeds, the others. */
export type Admission = "all" | "none" | Probe;

/** What the results of a batch show about its target. */
interface TargetAnswer {
  readonly isAnswered: boolean;
  readonly failure: DeliveryError | undefined;
  readonly itemKeys: ReadonlySet<string>;
}

/** One answer proves that the target is up. Deliveries that were not attempted prove nothing about the target. */
const answerOf = (entries: readonly BatchEntry[], results: Results): TargetAnswer => {
  const itemKeys = new Set<string>();
  let failure: DeliveryError | undefined;
  for (const { position, change } of entries) {
    const result = results.get(position);
    if (result === undefined || result.attempts === 0 || isUntried(result.error)) continue;
    if (result.error === undefined || !isTargetWide(result.error.code)) {
      return { isAnswered: true, failure: undefined, itemKeys };
    }
    failure = result.error;
    itemKeys.add(change.itemKey);
  }
  return { isAnswered: false, failure, itemKeys };
};

const allFailed = (batch: readonly Delivery[], error: SinkError): WriteResult[] =>
  batch.map((delivery) => failed(delivery, error));

/** What the results of a probe show. */
const probeResultOf = (results: readonly WriteResult[]): CallResult => {
  const tried = results.filter((result) => result.outcome !== "failed" || !isUntried(result.error));
  if (tried.length === 0) return "unknown";
  return tried.every((result) => result.outcome === "failed" && isTargetWide(result.error.code))
    ? "failed"
    : "succeeded";
};

/** Returns the context of a probe, which also ends at the probe's own timeout. */
const probeContext = ({ signal, remainingMs }: WriteContext, ms: number, timedOut: AbortSignal): WriteContext => ({
  signal: AbortSignal.any([signal, timedOut]),
  remainingMs: () => Math.min(remainingMs(), ms),
});

/** A delivery that was not attempted because the circuit is open. Not retried within the invocation. */
class CircuitOpenError extends UntriedError {
  override name = "CircuitOpenError";

  constructor(route: string, last: DeliveryError | undefined) {
    const because = last === undefined ? "" : `, with ${last.code}: ${last.message}`;
    super("SINK_UNAVAILABLE", `[${route}] the circuit breaker is open: the last batches failed as a whole${because}`, {
      cause: last,
      retryAfterMs: Number.POSITIVE_INFINITY,
    });
  }
}

/** The circuit breaker of one route in this environment. */
export class CircuitBreaker {
  readonly #id: RouteId;
  readonly #clock: Clock;
  readonly #logger: PipelineLogger;
  readonly #circuit: Circuit;
  readonly #failedItems: Set<string> = new Set();
  #lastFailure: DeliveryError | undefined = undefined;
  /** When the circuit opened. */
  #openedAt = 0;
  /** Time until a probe may be made beside others. */
  #restLeft: Countdown = countedDown;

  constructor(id: RouteId, { clock, logger }: { readonly clock: Clock; readonly logger: PipelineLogger }) {
    this.#id = id;
    this.#clock = clock;
    this.#logger = logger;
    const { random } = clock;
    this.#circuit = circuit(
      { failures: batchesToOpen, openMs: firstProbeMs, maxOpenMs: longestProbeMs, random },
      clock,
    );
  }

  /** Returns the time limit of a batch in milliseconds. It is shorter if the previous batch failed as a whole. */
  timeFor(usualMs: number): number {
    return this.#circuit.failures() === 0 ? usualMs : Math.min(usualMs, timeoutAfterFailureMs);
  }

  /** Decides which deliveries of a batch may be written. Only for batches whose failures go to the retry queue. */
  admit({ isAlone }: { readonly isAlone: boolean }): Admission {
    const state = this.#circuit.state();
    if (state.name === "closed") return "all";
    if (state.name === "open" || state.isProbing || (!isAlone && this.#restLeft() > 0)) return "none";
    const { besideOthers, alone } = probeTimeoutMs;
    const ms = isAlone ? alone * 2 ** Math.min(this.#circuit.openings() - 1, 10) : besideOthers;
    return { probeTimeoutMs: ms, isAlone };
  }

  /** Opens or closes the circuit according to the results of a batch for which `admit` returned `"all"`. */
  record(entries: readonly BatchEntry[], results: Results): void {
    const { isAnswered, failure, itemKeys } = answerOf(entries, results);
    if (isAnswered) this.close();
    else if (failure !== undefined) this.#fail(failure, itemKeys);
  }

  /** Closes the circuit. */
  close(): void {
    if (this.#circuit.openings() > 0) {
      const openMs = Math.max(0, this.#clock.now() - this.#openedAt);
      this.#logger.info("circuit breaker closed", { ...this.#id, openMs });
    }
    this.#circuit.close();
    this.#restLeft = countedDown;
    this.#failedItems.clear();
    this.#lastFailure = undefined;
  }

  #fail(failure: DeliveryError, itemKeys: ReadonlySet<string>): void {
    this.#lastFailure = failure;
    // A batch that was in flight when the circuit opened is not a probe, so its results do not count.
    if (this.#circuit.openings() > 0) return;
    for (const itemKey of itemKeys) if (this.#failedItems.size < itemsToOpen) this.#failedItems.add(itemKey);
    // A batch that would open the circuit does not count if all failures so far are of the same item.
    const mayOpen = this.#failedItems.size >= itemsToOpen;
    if (mayOpen || this.#circuit.failures() < batchesToOpen - 1) this.#circuit.start().end("failed");
    if (this.#circuit.openings() > 0) this.#noteOpening(failure);
  }

  #noteOpening({ code, message }: DeliveryError): void {
    this.#openedAt = this.#clock.now();
    this.#logger.warn("circuit breaker opened", { ...this.#id, code, reason: message });
  }

  /**
   * Returns the sink for one batch while the circuit is open. The sink writes nothing, or one delivery as a probe. If
   * the probe fails, another item is probed: the first item may be at fault. If a probe succeeds, the rest is written.
   */
  probing(sink: Sink<unknown>, admission: Exclude<Admission, "all">, deadline: Deadline): Sink<unknown> {
    let probesLeft = admission === "none" ? 0 : itemsToOpen;
    let isClosed: Promise<boolean> = Promise.resolve(false);
    return withWrite(sink, async (batch: readonly Delivery[], context) => {
      if (await isClosed) return sink.write(batch as never, context);
      if (admission === "none" || probesLeft <= 0) {
        return allFailed(batch, new CircuitOpenError(this.#id.route, this.#lastFailure));
      }
      probesLeft -= batch.length;
      const call = this.#circuit.start();
      const startedAt = this.#clock.now();
      const ms = Math.min(admission.probeTimeoutMs, deadline.remainingMs());
      const results = this.#inTime(
        [ms, deadline.settleMs],
        (timedOut) => sink.write(batch as never, probeContext(context, ms, timedOut)),
        () => allFailed(batch, this.#timeoutError(ms)),
      );
      const probed = results.then(probeResultOf, (): CallResult => "failed");
      isClosed = probed.then((result) => {
        if (result === "succeeded") this.close();
        else call.end(result);
        if (result === "failed" && !admission.isAlone) this.#restAfter(this.#clock.now() - startedAt, ms);
        return result === "succeeded";
      });
      return results;
    });
  }

  /** The clock may have been set during the probe, so the probe's duration is limited to its timeout. */
  #restAfter(durationMs: number, timeoutMs: number): void {
    this.#restLeft = countdown(restFactor * Math.min(Math.max(durationMs, 0), timeoutMs), this.#clock.now);
  }

  #timeoutError(ms: number): SinkError {
    const found = `[${this.#id.route}] the probe had no answer within ${ms} ms`;
    return new SinkError("SINK_TIMEOUT", found, { retryAfterMs: Number.POSITIVE_INFINITY });
  }

  /** Runs a write with a timeout. If the write has no result `settleMs` after the timeout, the result is `late()`. */
  async #inTime<Result>(
    [ms, settleMs]: readonly [number, number],
    write: (timedOut: AbortSignal) => Promise<Result>,
    late: () => Result,
  ): Promise<Result> {
    const timedOut = new AbortController();
    const done = new AbortController();
    const timeOut = async (): Promise<Result> => {
      await this.#clock.sleep(ms, done.signal);
      timedOut.abort();
      await this.#clock.sleep(settleMs, done.signal);
      return late();
    };
    try {
      return await Promise.race([write(timedOut.signal), timeOut()]);
    } finally {
      done.abort();
    }
  }
}
