// dedupe: "always". A sink that leases each delivery before it sends it, and remembers what it has sent: a repeat is
// not sent again, whether a failure, a crash, a redrive or an overlapping invocation brought it.

import { eachBounded } from "../async/bounded.ts";
import { leaseMs } from "../async/deadline.ts";
import { ConfigError, DeadlineError, SinkError } from "../errors.ts";
import type { PipelineLogger } from "../pipeline/telemetry.ts";
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

/** What leasing needs beside the sink. */
export interface Leasing {
  readonly leases: Leases;
  readonly id: RouteId;
  readonly logger: PipelineLogger;
}

type Message = AppendDelivery<unknown>;

/** Requests to the store at once. The SDK's sockets are 50 by default, and the target may need some of them. */
const requestsAtOnce = 25;

const storeError = (route: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  return new SinkError("SINK_UNAVAILABLE", `[${route}] the delivery could not be acquired`, { cause: error });
};

const heldError = (route: string, retryAfterMs: number): SinkError =>
  new SinkError("SINK_CONFLICT", `[${route}] another invocation holds the delivery, or has crashed while it did`, {
    retryAfterMs,
  });

/** Undefined where the delivery is acquired and may be sent, else what became of it. */
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

/** Completes what was sent, and gives back the rest. The results stand even where the store does not take that. */
const conclude = async (
  { leases, id, logger }: Leasing,
  acquired: readonly Message[],
  sent: ReadonlySet<Delivery>,
): Promise<void> => {
  const errors: unknown[] = [];
  await eachBounded(acquired, requestsAtOnce, async (delivery) => {
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
  new DeadlineError("DEADLINE_EXCEEDED", `[${route}] the invocation's time was over when the deliveries were acquired`);

/** Sends what is acquired; whatever happens, no lease is left behind that the store lets go. */
const send = async (
  sink: Sink<unknown, "append">,
  leasing: Leasing,
  acquired: readonly Message[],
  context: WriteContext,
): Promise<readonly WriteResult[]> => {
  const sent = new Set<Delivery>();
  try {
    if (context.signal.aborted) return acquired.map((delivery) => failed(delivery, lateError(leasing.id.route)));
    const results = await sink.write(acquired, context);
    for (const { delivery, outcome } of results) if (outcome !== "failed") sent.add(delivery);
    return results;
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
    return acquired.map((delivery) => failed(delivery, error));
  } finally {
    await conclude(leasing, acquired, sent);
  }
};

/** The sink, behind leases. */
export const leasingSink = (sink: Sink<unknown, "append">, leasing: Leasing): Sink<unknown, "append"> =>
  withWrite(sink, async (batch, context) => {
    const holdMs = leaseMs(context.remainingMs());
    const answers = await eachBounded(batch, requestsAtOnce, (delivery) => acquireOne(leasing, delivery, holdMs));
    const settled = answers.filter((answer) => answer !== undefined);
    const acquired = batch.filter((_, index) => answers[index] === undefined);
    return acquired.length === 0 ? settled : [...settled, ...(await send(sink, leasing, acquired, context))];
  });
