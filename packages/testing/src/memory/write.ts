// What both memory sinks do with a batch: split it to the target's limits, ask, and settle each delivery by its answer.

import type { WriteContext } from "@sluice/core/sink-kit";
import {
  ConfigError,
  chunk,
  type Delivery,
  delivered,
  failed,
  SinkError,
  superseded,
  toJson,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { type Answer, codeOfReason, type Request, TargetError } from "./target.ts";

/** Options of the memory sinks. */
export interface MemorySinkOptions {
  /** Default `memory`. */
  readonly name?: string;
  /** Most entries of one request. Default: no limit. */
  readonly maxEntries?: number;
  /** Most bytes of one request: of its messages as JSON, in UTF-8. Default: no limit. */
  readonly maxBytes?: number;
}

/** Bytes that a message takes in a request to a memory target: its JSON in UTF-8. */
export const messageBytes = ({ message }: Delivery): number => Buffer.byteLength(toJson(message));

const settlementOf = (name: string, delivery: Delivery, answer: Answer | undefined): WriteResult => {
  if (answer === "taken") return delivered(delivery);
  if (answer === "older") return superseded(delivery);
  if (answer === "throttled") {
    return failed(delivery, new SinkError("SINK_THROTTLED", `[${name}] the target throttled the entry`));
  }
  return failed(delivery, new SinkError("SINK_REJECTED", `[${name}] the target refused the entry for good`));
};

const tooLarge = (name: string, delivery: Delivery, maxBytes: number): WriteResult =>
  failed(
    delivery,
    new SinkError(
      "SINK_TOO_LARGE",
      `[${name}] message is ${messageBytes(delivery)} bytes; the limit is ${maxBytes} bytes`,
    ),
  );

const requestError = (name: string, cause: unknown): SinkError => {
  const reason = cause instanceof TargetError ? cause.reason : "unavailable";
  return new SinkError(codeOfReason[reason], `[${name}] the request failed: ${reason}; expected an answer`, { cause });
};

/** Codes that say that the target as a whole is unusable: `write` rejects with them. */
const isUnusable = ({ code }: SinkError): boolean => code === "SINK_UNAVAILABLE" || code === "SINK_DENIED";

/** @throws {ConfigError} CONFIG_INVALID when a limit is no whole number above 0. */
const assertLimit = (option: string, limit: number): void => {
  if (Number.isSafeInteger(limit) && limit > 0) return;
  throw new ConfigError("CONFIG_INVALID", `[memory] ${option} is ${limit}; expected a whole number above 0`);
};

/** The `write` of a sink that makes such requests. Chunks go one after the other, so that order is kept. */
export const writeBy = <Entry extends Delivery>(
  request: Request<Entry>,
  options: MemorySinkOptions,
): ((batch: readonly Entry[], context: WriteContext) => Promise<readonly WriteResult[]>) => {
  const { name = "memory", maxEntries = Number.MAX_SAFE_INTEGER, maxBytes = Number.MAX_SAFE_INTEGER } = options;

  assertLimit("maxEntries", maxEntries);
  assertLimit("maxBytes", maxBytes);

  const writeChunk = async (entries: readonly Entry[], { signal }: WriteContext): Promise<readonly WriteResult[]> => {
    if (signal.aborted) {
      const error = new SinkError("SINK_TIMEOUT", `[${name}] no time is left; expected enough for one more request`);
      return entries.map((entry) => failed(entry, error));
    }
    const answers = await request(entries, signal);
    return entries.map((entry, index) => settlementOf(name, entry, answers[index]));
  };

  return async (batch, context) => {
    const fitting = batch.filter((entry) => messageBytes(entry) <= maxBytes);
    const large = batch.filter((entry) => messageBytes(entry) > maxBytes);
    const settled = large.map((entry) => tooLarge(name, entry, maxBytes));
    for (const entries of chunk(fitting, { maxEntries, maxBytes, sizeOf: messageBytes })) {
      try {
        settled.push(...(await writeChunk(entries, context)));
      } catch (cause) {
        const error = requestError(name, cause);
        if (settled.length === 0 && isUnusable(error)) throw error;
        settled.push(...entries.map((entry) => failed(entry, error)));
      }
    }
    return settled;
  };
};
