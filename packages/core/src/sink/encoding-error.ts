// The error of a delivery whose message an encoder could not handle.

import { types } from "node:util";
import { ConfigError, type DeliveryError, isDeliveryError, SinkError } from "../errors.ts";
import { JsonValueError } from "../record/json.ts";

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

const maxShownNames = 10;
const maxShownCharacters = 60;

const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\uFFFD");

/** Returns a path as text. Long names and long paths are cut, because names may come from data. */
const pathText = (path: readonly string[]): string => {
  const shown = path.slice(0, maxShownNames).map((name) => wellFormed(name.slice(0, maxShownCharacters)));
  return [...shown, ...(path.length > maxShownNames ? ["…"] : [])].join(".");
};

/** Names a member of a member: `body` and `["a", "0"]` become `body.a.0`. */
export const memberPath = (member: string, path: readonly string[]): string =>
  path.length === 0 ? member : `${member}.${pathText(path)}`;

/** Says why a value cannot be written as JSON: `: at a.0 found NaN; expected a finite number`, or `, which threw …`. */
export const jsonFailure = (thrown: unknown): string => {
  const isValueError = safely(() => thrown instanceof JsonValueError, false);
  if (!isValueError) return `, which threw ${describeThrown(thrown)}`;
  const { path, message } = thrown as JsonValueError;
  return `: ${path.length === 0 ? "" : `at ${pathText(path)} `}${message}`;
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
  const found = `the message cannot be encoded${jsonFailure(error)}`;
  return new SinkError("SINK_REJECTED", found, { cause: error });
};
