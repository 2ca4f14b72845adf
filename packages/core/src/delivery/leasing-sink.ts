// dedupe: "always". Acquires a lease for each delivery before it is sent, and completes the lease afterwards. A repeat
// after a failure, a crash or a redrive, or in an overlapping invocation, is not sent again.

import { eachBounded } from "../async/bounded.ts";
import { type Clock, leaseMs } from "../async/deadline.ts";
import { ConfigError, DeadlineError, SinkError, UntriedError } from "../errors.ts";
import type { PipelineLogger } from "../logger.ts";
import {
  type AppendDelivery,
  type Delivery,
  failed,
  type Sink,
  superseded,
  type WriteContext,
  type WriteResult,
  withWrite,
} from "../sink/sink.ts";
import type { Leases, RouteId } from "./dedupe-store.ts";

/** The leases of one route. */
export interface Leasing {
  readonly leases: Leases;
  readonly id: RouteId;
  readonly logger: PipelineLogger;
  readonly clock: Pick<Clock, "now">;
}

type Message = AppendDelivery<unknown>;

/** Maximum concurrent requests to the store. The SDK has 50 sockets by default, and the target may need some. */
const requestsAtOnce = 25;

const storeError = (route: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return new UntriedError(error.code, error.message, { cause: error });
  return new UntriedError("SINK_UNAVAILABLE", `[${route}] the lease of the delivery could not be acquired`, {
    cause: error,
  });
};

const heldError = (route: string, retryAfterMs: number): SinkError =>
  new UntriedError(
    "SINK_CONFLICT",
    `[${route}] another invocation holds the lease of the delivery, or has crashed while it did`,
    {
      retryAfterMs,
    },
  );

/** Acquires the lease of a delivery. Returns undefined, or the delivery's result if the delivery must not be sent. */
const acquireOne = async (
  { leases, id }: Leasing,
  delivery: Message,
  holdMs: number,
): Promise<WriteResult | undefined> => {
  try {
    const lease = await leases.acquire(id, delivery.idempotencyKey, holdMs);
    if (lease === "acquired") return undefined;
    if (lease === "completed") return superseded(delivery);
    return failed(delivery, heldError(id.route, lease.heldForMs));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return failed(delivery, storeError(id.route, error));
  }
};

/** Deliveries whose leases were acquired. */
interface Acquired {
  readonly deliveries: readonly Message[];
  /** Until then, in milliseconds since the epoch, no other invocation can acquire the leases. */
  readonly heldUntil: number;
}

/**
 * Completes the leases of sent deliveries, and releases the others. An expired lease is not released: it may belong to
 * another invocation by now. A failure of the store changes no result.
 */
const conclude = async (
  { leases, id, logger, clock }: Leasing,
  { deliveries, heldUntil }: Acquired,
  sent: ReadonlySet<Delivery>,
): Promise<void> => {
  const errors: unknown[] = [];
  const isHeld = clock.now() < heldUntil;
  const concluded = isHeld ? deliveries : deliveries.filter((delivery) => sent.has(delivery));
  await eachBounded(concluded, requestsAtOnce, async (delivery) => {
    const { idempotencyKey } = delivery;
    try {
      await (sent.has(delivery) ? leases.complete(id, idempotencyKey) : leases.release(id, idempotencyKey));
    } catch (error) {
      errors.push(error);
    }
  });
  if (errors.length === 0) return;
  logger.warn("leases not concluded", { ...id, leases: errors.length, reason: String(errors[0]) });
};

const lateError = (route: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${route}] the invocation's time was over when the leases were acquired`);

/** Sends deliveries whose leases are acquired. Completes or releases every lease, even if the sink throws. */
const send = async (
  sink: Sink<unknown, "append">,
  leasing: Leasing,
  acquired: Acquired,
  context: WriteContext,
): Promise<readonly WriteResult[]> => {
  const sent = new Set<Delivery>();
  const { deliveries } = acquired;
  try {
    if (context.signal.aborted) return deliveries.map((delivery) => failed(delivery, lateError(leasing.id.route)));
    const results = await sink.write(deliveries, context);
    for (const { delivery, outcome } of results) if (outcome !== "failed") sent.add(delivery);
    return results;
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
    return deliveries.map((delivery) => failed(delivery, error));
  } finally {
    await conclude(leasing, acquired, sent);
  }
};

/** Wraps a sink so that it sends a delivery only if its lease is acquired. */
export const leasingSink = (sink: Sink<unknown, "append">, leasing: Leasing): Sink<unknown, "append"> =>
  withWrite(sink, async (batch, context) => {
    const holdMs = leaseMs(context.remainingMs());
    const heldUntil = leasing.clock.now() + holdMs;
    const answers = await eachBounded(batch, requestsAtOnce, (delivery) => acquireOne(leasing, delivery, holdMs));
    const settled = answers.filter((answer) => answer !== undefined);
    const deliveries = batch.filter((_, index) => answers[index] === undefined);
    if (deliveries.length === 0) return settled;
    return [...settled, ...(await send(sink, leasing, { deliveries, heldUntil }, context))];
  });
