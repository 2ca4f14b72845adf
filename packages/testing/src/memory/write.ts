// Writes a batch for both memory sinks: splits it at the target's limits, and converts each answer to a result.

import {
  checkOptionNames,
  checkWhole,
  chunk,
  type Delivery,
  delivered,
  encodeEach,
  failed,
  SinkError,
  superseded,
  toJson,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { codeOfReason, type Request, type TargetAnswer, TargetError } from "./target.ts";

/** Options of the memory sinks. */
export interface MemorySinkOptions {
  /** Name of the sink. Default `memory`. */
  readonly name?: string;
  /** Maximum number of entries in one request. Default: no limit. */
  readonly maxEntries?: number;
  /** Maximum bytes of the messages in one request, as JSON in UTF-8. Default: no limit. */
  readonly maxBytes?: number;
}

/** Bytes of a delivery's message in a request to a memory target, as JSON in UTF-8. */
export const messageBytes = ({ message }: Delivery): number => Buffer.byteLength(toJson(message));

const resultOf = (name: string, delivery: Delivery, answer: TargetAnswer | undefined): WriteResult => {
  if (answer === "taken") return delivered(delivery);
  if (answer === "older") return superseded(delivery);
  const code = answer === "throttled" ? "SINK_THROTTLED" : "SINK_REJECTED";
  const problem = answer === "throttled" ? "throttled the entry" : "refused the entry for good";
  return failed(delivery, new SinkError(code, `[${name}] the target ${problem}`));
};

/** A delivery, and the bytes of its message. */
interface SizedDelivery<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
}

/** Computes the size of a delivery's message. @throws {SinkError} SINK_TOO_LARGE when it exceeds the limit. */
export const sized = <Entry extends Delivery>(
  { name = "memory", maxBytes = Number.MAX_SAFE_INTEGER }: MemorySinkOptions,
  entry: Entry,
): SizedDelivery<Entry> => {
  const bytes = messageBytes(entry);
  if (bytes <= maxBytes) return { entry, bytes };
  const problem = `message is ${bytes} bytes; the limit is ${maxBytes} bytes`;
  throw new SinkError("SINK_TOO_LARGE", `[${name}] ${problem}`);
};

/** Returns the SinkError for a request that failed as a whole. */
export const requestError = (name: string, cause: unknown): SinkError => {
  if (cause instanceof SinkError) return cause;
  const reason = cause instanceof TargetError ? cause.reason : "unavailable";
  return new SinkError(codeOfReason[reason], `[${name}] the request failed: ${reason}; expected an answer`, { cause });
};

/** Whether the target is unusable, so that `write` rejects with this error. */
const isUnusable = ({ code }: SinkError): boolean => code === "SINK_UNAVAILABLE" || code === "SINK_DENIED";

/** Creates the `write` function of a sink from its request function. `write` sends the chunks one by one, in order. */
export const writeBy = <Entry extends Delivery>(
  request: Request<Entry>,
  options: MemorySinkOptions,
): ((batch: readonly Entry[], context: WriteContext) => Promise<readonly WriteResult[]>) => {
  const { name = "memory", maxEntries = Number.MAX_SAFE_INTEGER, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  checkOptionNames("a memory sink", options, { name: true, maxEntries: true, maxBytes: true });
  checkWhole("maxEntries", maxEntries, [1, Number.MAX_SAFE_INTEGER]);
  checkWhole("maxBytes", maxBytes, [1, Number.MAX_SAFE_INTEGER]);

  return async (batch, { signal }) => {
    const encoded = encodeEach(batch, (entry) => sized(options, entry));
    const results = [...encoded.results];
    for (const part of chunk(encoded.entries, { maxEntries, maxBytes, sizeOf: ({ bytes }) => bytes })) {
      const entries = part.map(({ entry }) => entry);
      try {
        if (signal.aborted) throw new SinkError("SINK_TIMEOUT", `[${name}] no time is left for another request`);
        const answers = await request(entries, signal);
        results.push(...entries.map((entry, index) => resultOf(name, entry, answers[index])));
      } catch (cause) {
        const error = requestError(name, cause);
        if (results.length === 0 && isUnusable(error)) throw error;
        results.push(...entries.map((entry) => failed(entry, error)));
      }
    }
    return results;
  };
};
