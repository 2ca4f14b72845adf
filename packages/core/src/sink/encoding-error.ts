// The error of a delivery whose message an encoder could not handle.

import { types } from "node:util";
import { ConfigError, type DeliveryError, isDeliveryError, SinkError } from "../errors.ts";

/** Describes an error by its class and by where it was thrown. Omits its message, which may quote item values. */
const described = (error: Error): string => {
  const name = /^[A-Za-z_$][\w$]{0,59}$/.test(error.name) ? error.name : "an Error";
  const frame = /\n\s+at (.+)/.exec((error.stack ?? "").replace(error.message, ""))?.[1];
  return `${name}${frame === undefined ? "" : ` at ${frame}`}`;
};

/** Whatever a getter threw may throw again when its members are read. */
const safely = <Value>(read: () => Value, otherwise: Value): Value => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};

/** Describes any thrown value without quoting its message. */
export const describeThrown = (thrown: unknown): string => {
  const found = safely(() => (types.isNativeError(thrown) ? described(thrown) : undefined), undefined);
  return found ?? "a value that is not an Error";
};

/** Whether a wrong option caused the error. Compares the code too, because the error may come from another copy of core. */
const isConfigError = (error: unknown): boolean =>
  error instanceof ConfigError || (error instanceof Error && "code" in error && error.code === "CONFIG_INVALID");

/**
 * Returns the error of a delivery whose encoding threw. Any error but a delivery's own becomes SINK_REJECTED: only this
 * message made the encoder throw, and would do so again. Examples are a `toJSON` that throws, or 8,000 levels of nesting.
 * Not for errors of requests, which may have other causes.
 * @throws {ConfigError} the given error, if it is a ConfigError: a wrong option concerns every delivery.
 */
export const encodingError = (error: unknown): DeliveryError => {
  if (safely(() => isConfigError(error), false)) throw error;
  if (safely(() => isDeliveryError(error), false)) return error as DeliveryError;
  const found = `the message cannot be encoded, which threw ${describeThrown(error)}`;
  return new SinkError("SINK_REJECTED", found, { cause: error });
};
