// A mail to several recipients, some of whom the server may reject. Each recipient has a lease of its own, so that a
// repeat reaches only those who have not got the mail: docs/decisions/0010-one-request-per-recipient.md.

import { createHash } from "node:crypto";
import {
  ConfigError,
  type DeliveryError,
  isTargetWide,
  type Leases,
  outcomeOf,
  type RouteId,
  SinkError,
} from "@sluice/core/sink-kit";

/** A mail to several recipients. */
export interface RecipientsMail {
  readonly idempotencyKey: string;
  readonly recipients: readonly string[];
  /** How long a lease is held for this invocation. */
  readonly holdMs: number;
  readonly sendTo: (recipient: string) => Promise<DeliveryError | undefined>;
}

/** Hashed, so that the store holds no address. */
const keyOf = (idempotencyKey: string, recipient: string): string =>
  `${idempotencyKey}:${createHash("sha256").update(recipient).digest("base64url").slice(0, 22)}`;

/** Failures that the next recipient would meet too. Throttling may concern one recipient only. */
const isForAll = ({ code }: DeliveryError): boolean => isTargetWide(code) && code !== "SINK_THROTTLED";

/** The error of the delivery. A recipient to retry decides before one that was rejected, and will be rejected again. */
const summaryOf = (name: string, errors: readonly DeliveryError[], recipients: number): DeliveryError | undefined => {
  const error = errors.find(({ code }) => outcomeOf(code) === "retry") ?? errors[0];
  if (error === undefined || error.code === "DEADLINE_EXCEEDED") return error;
  const same = errors.filter(({ code }) => code === error.code).length;
  const text = `[${name}] ${same} of ${recipients} recipients: ${error.message.replace(`[${name}] `, "")}`;
  return new SinkError(error.code as SinkError["code"], text, { cause: error });
};

const storeError = (name: string, cause: unknown): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[${name}] the leases of recipients cannot be reached`, { cause });

const heldError = (name: string, retryAfterMs: number): SinkError =>
  new SinkError("SINK_CONFLICT", `[${name}] another invocation is sending this mail, or crashed while sending it`, {
    retryAfterMs,
  });

/** Result for one recipient. `unrecorded`: sent, but the store did not record that. */
type RecipientResult = DeliveryError | "sent" | "unrecorded";

/**
 * Makes the function that sends a mail to each recipient that has not got it yet, under a lease for each. It resolves to the
 * error if one of them has not got it.
 */
export const recipientsSender = (
  name: string,
  leases: Leases,
): ((mail: RecipientsMail) => Promise<DeliveryError | undefined>) => {
  const owner: RouteId = { pipeline: name, route: "recipients" };
  // Keys of sent mails that the store did not record. This environment does not send them again.
  const unrecorded = new Set<string>();

  const complete = async (key: string): Promise<RecipientResult> => {
    unrecorded.add(key);
    try {
      await leases.complete(owner, key);
    } catch {
      return "unrecorded";
    }
    unrecorded.delete(key);
    return "sent";
  };
  /** @throws the error of the store if it does not answer `acquire`. */
  const sendOnce = async (key: string, recipient: string, mail: RecipientsMail): Promise<RecipientResult> => {
    if (unrecorded.has(key)) return complete(key);
    const lease = await leases.acquire(owner, key, mail.holdMs);
    if (lease === "completed") return "sent";
    if (lease !== "acquired") return heldError(name, lease.heldForMs);
    const error = await mail.sendTo(recipient);
    if (error === undefined) return complete(key);
    // A lease that cannot be released expires. The error of the mail matters more.
    await leases.release(owner, key).catch(() => undefined);
    return error;
  };
  return async (mail) => {
    const { idempotencyKey, recipients } = mail;
    const errors: DeliveryError[] = [];
    let isUnrecorded = false;
    for (const recipient of recipients) {
      const result = await sendOnce(keyOf(idempotencyKey, recipient), recipient, mail).catch((cause) => {
        if (cause instanceof ConfigError) throw cause;
        return cause instanceof SinkError ? cause : storeError(name, cause);
      });
      if (result === "unrecorded") isUnrecorded = true;
      if (typeof result === "string") continue;
      errors.push(result);
      if (isForAll(result)) break;
    }
    const error = summaryOf(name, errors, recipients.length);
    // If all recipients have the mail, nothing will be repeated, and a missing record does no harm. If some were rejected,
    // the record must be written before the dead letter, which another environment may redrive.
    return error !== undefined && isUnrecorded ? storeError(name, error) : error;
  };
};
