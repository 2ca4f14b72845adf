// dedupe: "always". A sink that claims each delivery before it sends it, and remembers what it has sent: a repeat is
// not sent again, whether a failure, a crash, a redrive or an overlapping invocation brought it.

import { eachBounded } from "../async/bounded.ts";
import { ConfigError, DeadlineError, SinkError } from "../errors.ts";
import type { PipelineLogger } from "../pipeline/telemetry.ts";
import {
  type AppendDelivery,
  type Delivery,
  failed,
  type Settlement,
  type Sink,
  superseded,
  type WriteContext,
  withWrite,
} from "../sink/sink.ts";
import type { Claims, RouteId } from "./dedupe-store.ts";

/** What claiming needs beside the sink. */
export interface Claiming {
  readonly claims: Claims;
  readonly id: RouteId;
  readonly logger: PipelineLogger;
}

type Message = AppendDelivery<unknown>;

/** Requests to the store at once. The SDK's sockets are 50 by default, and the target may need some of them. */
const requestsAtOnce = 25;

/** Lambda's longest invocation: how long a claim is held where nobody says how long this one may take. */
const longestInvocationMs = 900_000;

/** A claim outlives its invocation by this: the sink may still be settling. */
const marginMs = 1_000;

const storeError = (route: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  return new SinkError("SINK_UNAVAILABLE", `[${route}] the delivery could not be claimed`, { cause: error });
};

const heldError = (route: string, retryAfterMs: number): SinkError =>
  new SinkError("SINK_CONFLICT", `[${route}] another invocation holds the delivery, or has crashed while it did`, {
    retryAfterMs,
  });

/** Undefined where the delivery is claimed and may be sent, else what became of it. */
const claimOne = async (
  { claims, id }: Claiming,
  delivery: Message,
  holdMs: number,
): Promise<Settlement | undefined> => {
  try {
    const claim = await claims.claim(id, delivery.idempotencyKey, holdMs);
    if (claim === "claimed") return undefined;
    if (claim === "completed") return superseded(delivery);
    return failed(delivery, heldError(id.route, claim.heldForMs));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return failed(delivery, storeError(id.route, error));
  }
};

/** Completes what was sent, and gives back the rest. The verdicts stand even where the store does not take that. */
const conclude = async (
  { claims, id, logger }: Claiming,
  claimed: readonly Message[],
  sent: ReadonlySet<Delivery>,
): Promise<void> => {
  const errors: unknown[] = [];
  await eachBounded(claimed, requestsAtOnce, async (delivery) => {
    const { idempotencyKey } = delivery;
    try {
      await (sent.has(delivery) ? claims.complete(id, idempotencyKey) : claims.release(id, idempotencyKey));
    } catch (error) {
      errors.push(error);
    }
  });
  if (errors.length === 0) return;
  logger.warn("claims not concluded", { ...id, claims: errors.length, reason: String(errors[0]) });
};

const lateError = (route: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${route}] the invocation's time was over when the deliveries were claimed`);

const holdMsOf = ({ remainingMs }: WriteContext): number => Math.min(remainingMs(), longestInvocationMs) + marginMs;

/** Sends what is claimed; whatever happens, no claim is left behind that the store lets go. */
const send = async (
  sink: Sink<unknown, "append">,
  claiming: Claiming,
  claimed: readonly Message[],
  context: WriteContext,
): Promise<readonly Settlement[]> => {
  const sent = new Set<Delivery>();
  try {
    if (context.signal.aborted) return claimed.map((delivery) => failed(delivery, lateError(claiming.id.route)));
    const settlements = await sink.write(claimed, context);
    for (const { delivery, outcome } of settlements) if (outcome !== "failed") sent.add(delivery);
    return settlements;
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
    return claimed.map((delivery) => failed(delivery, error));
  } finally {
    await conclude(claiming, claimed, sent);
  }
};

/** The sink, behind claims. */
export const claimingSink = (sink: Sink<unknown, "append">, claiming: Claiming): Sink<unknown, "append"> =>
  withWrite(sink, async (batch, context) => {
    const holdMs = holdMsOf(context);
    const answers = await eachBounded(batch, requestsAtOnce, (delivery) => claimOne(claiming, delivery, holdMs));
    const settled = answers.filter((answer) => answer !== undefined);
    const claimed = batch.filter((_, index) => answers[index] === undefined);
    return claimed.length === 0 ? settled : [...settled, ...(await send(sink, claiming, claimed, context))];
  });
