// A mail to several recipients, some of whom the server may reject. Each recipient has its own lease, so that a repeat
// reaches only recipients who have not got the mail: docs/decisions/0010-one-request-per-recipient.md.

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
  /** Milliseconds for which this invocation holds a lease. */
  readonly holdMs: number;
  readonly sendTo: (recipient: string) => Promise<DeliveryError | undefined>;
}

/** Returns the key of a recipient's lease. The address is hashed, so that the store contains no address. */
const keyOf = (idempotencyKey: string, recipient: string): string =>
  `${idempotencyKey}:${createHash("sha256").update(recipient).digest("base64url").slice(0, 22)}`;

/** Whether the next recipient would get the same error. Throttling is excluded: it may concern only one recipient. */
const isForAll = ({ code }: DeliveryError): boolean => isTargetWide(code) && code !== "SINK_THROTTLED";

/** Returns the delivery's error. Retryable errors have priority, because a retry repeats the rejections anyway. */
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

/** Result for one recipient. `unrecorded`: the mail was sent, but the store did not save this result. */
type RecipientResult = DeliveryError | "sent" | "unrecorded";

/**
 * Creates the function that sends a mail to each recipient without a copy, under one lease per recipient. The function
 * resolves with an error if any recipient still has no copy.
 */
export const recipientsSender = (
  name: string,
  leases: Leases,
): ((mail: RecipientsMail) => Promise<DeliveryError | undefined>) => {
  const owner: RouteId = { pipeline: name, route: "recipients" };
  // Keys of sent mails that the store did not save. This environment does not send these mails again.
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
  /** @throws the store's error if `acquire` fails. */
  const sendOnce = async (key: string, recipient: string, mail: RecipientsMail): Promise<RecipientResult> => {
    if (unrecorded.has(key)) return complete(key);
    const lease = await leases.acquire(owner, key, mail.holdMs);
    if (lease === "completed") return "sent";
    if (lease !== "acquired") return heldError(name, lease.heldForMs);
    const error = await mail.sendTo(recipient);
    if (error === undefined) return complete(key);
    // If the release fails, the lease expires later. The mail's error is returned, because it is more important.
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
    // If all recipients have the mail, core does not retry, so an unsaved result does no harm. If some were rejected,
    // the result must be saved before the dead letter is sent: another environment may redrive the dead letter.
    return error !== undefined && isUnrecorded ? storeError(name, error) : error;
  };
};
