// A mail to several recipients, of whom some may be refused: each has a record of its own, so that a repeat reaches those
// alone who have not got it.

import { createHash } from "node:crypto";
import {
  ConfigError,
  type DeliveryError,
  type Leases,
  outcomeOf,
  type RouteId,
  SinkError,
} from "@sluice/core/sink-kit";

/** A mail to several, as the records need it. */
export interface Addressed {
  readonly idempotencyKey: string;
  readonly recipients: readonly string[];
  /** How long a record is held for this invocation. */
  readonly holdMs: number;
  readonly sendTo: (recipient: string) => Promise<DeliveryError | undefined>;
}

/** Sends a mail to each recipient that has not got it yet; resolves to what kept it from all. */
export type SendToSeveral = (addressed: Addressed) => Promise<DeliveryError | undefined>;

/** No address is stored. */
const keyOf = (idempotencyKey: string, recipient: string): string =>
  `${idempotencyKey}:${createHash("sha256").update(recipient).digest("base64url").slice(0, 22)}`;

/** Failures of the target as a whole: the next recipient would meet the same. */
const stopsAll: ReadonlySet<string> = new Set([
  "SINK_UNAVAILABLE",
  "SINK_TIMEOUT",
  "SINK_DENIED",
  "SINK_MISSING",
  "DEADLINE_EXCEEDED",
]);

/** One that can be tried again decides before one that is refused for good, which will be refused again. */
const summaryOf = (name: string, errors: readonly DeliveryError[], recipients: number): DeliveryError | undefined => {
  const error = errors.find(({ code }) => outcomeOf(code) === "retry") ?? errors[0];
  if (error === undefined || error.code === "DEADLINE_EXCEEDED") return error;
  const same = errors.filter(({ code }) => code === error.code).length;
  const text = `[${name}] ${same} of ${recipients} recipients: ${error.message.replace(`[${name}] `, "")}`;
  return new SinkError(error.code as SinkError["code"], text, { cause: error });
};

const storeError = (name: string, cause: unknown): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[${name}] the records of recipients cannot be reached`, { cause });

const heldError = (name: string, retryAfterMs: number): SinkError =>
  new SinkError("SINK_CONFLICT", `[${name}] another invocation sends this mail, or has crashed while it did`, {
    retryAfterMs,
  });

/** What became of one recipient: `owing` has the mail, but the store did not take that. */
type Result = DeliveryError | "sent" | "owing";

/** Sends mails to several, with a record in the store for each recipient. */
export const severalSender = (name: string, leases: Leases): SendToSeveral => {
  const owner: RouteId = { pipeline: name, route: "recipients" };
  // Sent, and not recorded: while this environment lives, these are not sent again.
  const owed = new Set<string>();

  const complete = async (key: string): Promise<Result> => {
    owed.add(key);
    try {
      await leases.complete(owner, key);
    } catch {
      return "owing";
    }
    owed.delete(key);
    return "sent";
  };
  /** @throws what the store rejected the lease with. */
  const sendOnce = async (key: string, recipient: string, addressed: Addressed): Promise<Result> => {
    if (owed.has(key)) return complete(key);
    const lease = await leases.acquire(owner, key, addressed.holdMs);
    if (lease === "completed") return "sent";
    if (lease !== "acquired") return heldError(name, lease.heldForMs);
    const error = await addressed.sendTo(recipient);
    if (error === undefined) return complete(key);
    // A lease that is not given back ends by itself: what kept the mail back matters more.
    await leases.release(owner, key).catch(() => undefined);
    return error;
  };
  return async (addressed) => {
    const { idempotencyKey, recipients } = addressed;
    const errors: DeliveryError[] = [];
    let isOwing = false;
    for (const recipient of recipients) {
      const result = await sendOnce(keyOf(idempotencyKey, recipient), recipient, addressed).catch((cause) => {
        if (cause instanceof ConfigError) throw cause;
        return cause instanceof SinkError ? cause : storeError(name, cause);
      });
      if (result === "owing") isOwing = true;
      if (typeof result === "string") continue;
      errors.push(result);
      if (stopsAll.has(result.code)) break;
    }
    const error = summaryOf(name, errors, recipients.length);
    // Where all have the mail, a record that is missing does no harm. Where some were refused, it must be written before
    // the dead letter is, whose redrive may come to another environment.
    return error !== undefined && isOwing ? storeError(name, error) : error;
  };
};
