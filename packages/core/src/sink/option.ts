// Checks of options that several factories share. Each check throws a ConfigError that names the option.

import { disregard, isThenable } from "../async/thenable.ts";
import { ConfigError, RecordError } from "../errors.ts";

/** Creates the ConfigError `option "name" must be …`. */
export const invalidOption = (option: string, expectation: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}" ${expectation}`);

/** Whether a value is an object with named members: neither null nor an array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every option of a factory, also of the members of a union. The compiler then finds an option that the list lacks. */
export type OptionNames<Options> = Readonly<Record<Options extends unknown ? keyof Options & string : never, true>>;

/**
 * Checks that a factory got no option that it does not know, such as a misspelt option.
 * @throws {ConfigError} CONFIG_INVALID, with the unknown names and the known names, or when `options` is not an object.
 */
export const checkOptionNames = <Options>(factory: string, options: Options, known: OptionNames<Options>): void => {
  if (!isRecord(options)) throw new ConfigError("CONFIG_INVALID", `the options of ${factory} must be an object`);
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => JSON.stringify(name)).join(", ");
  throw new ConfigError(
    "CONFIG_INVALID",
    `${factory} has no option ${names}; expected only ${Object.keys(known).sort().join(", ")}`,
  );
};

/** @throws {ConfigError} CONFIG_INVALID when the value is not a string, or is empty. */
export const checkText = (option: string, value: unknown): void => {
  if (typeof value !== "string" || value === "") throw invalidOption(option, "must be a non-empty string");
};

/**
 * Checks a whole number. Both bounds are inclusive. The error message ends with `reason`, which explains the bounds.
 * @throws {ConfigError} CONFIG_INVALID when the value is not a whole number within the bounds.
 */
export const checkWhole = (
  option: string,
  value: unknown,
  [least, most]: readonly [number, number],
  reason = "",
): void => {
  if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
  const bounds = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  throw invalidOption(option, `must be a whole number ${bounds}${reason}`);
};

/** @throws {ConfigError} CONFIG_INVALID when the given client does not have the method that the sink calls. */
export const checkClient = (client: unknown, method: string, expectation: string, option = "client"): void => {
  if (client === undefined) return;
  if (typeof (client as Readonly<Record<string, unknown>> | null)?.[method] === "function") return;
  throw invalidOption(option, `must be ${expectation}, with the method ${method}`);
};

/** @throws {ConfigError} CONFIG_INVALID unless exactly one of the two options is given. */
export const checkEither = (options: Readonly<Record<string, unknown>>): void => {
  if (Object.values(options).filter((value) => value !== undefined).length === 1) return;
  const [first = "", second = ""] = Object.keys(options);
  throw invalidOption(first, `or option "${second}" must be given, and not both`);
};

/** The target's key: names that item and target share, a map of target name to item attribute, or a function. */
type KeyMap = readonly string[] | { readonly [name: string]: string } | ((...keys: never) => unknown);

/** Checks the option `key`, and returns a frozen copy. @throws {ConfigError} CONFIG_INVALID, with `expectation`. */
export const checkKeyMap = <Key extends KeyMap>(key: Key | undefined, expectation: string): Key | undefined => {
  if (key === undefined || typeof key === "function") return key;
  const names: readonly unknown[] = Array.isArray(key) ? key : isRecord(key) ? Object.entries(key).flat() : [];
  if (names.length === 0 || names.some((name) => typeof name !== "string" || name === "")) {
    throw invalidOption("key", expectation);
  }
  return Object.freeze((Array.isArray(key) ? [...key] : { ...key }) as Key);
};

/** Maps each attribute of the target's key to the item attribute that fills it. Undefined if `key` is a function. */
export const keySources = (key: KeyMap | undefined): ReadonlyMap<string, string> | undefined => {
  if (key === undefined || typeof key === "function") return undefined;
  return new Map(Array.isArray(key) ? key.map((name) => [name, name]) : Object.entries(key));
};

/**
 * Calls the user's function in an option. The new error omits the message of the function's error: it may quote values.
 * @throws {RecordError} MAPPING_FAILED when the function throws anything but a ConfigError.
 * @throws {ConfigError} CONFIG_INVALID when the function returns a promise, as it then would for every item.
 */
export const callUser = <From, Result>(option: string, call: (from: From) => Result, from: From): Result => {
  try {
    const result = call(from);
    if (!isThenable(result)) return result;
    disregard(result);
    throw invalidOption(option, "returned a promise; expected a synchronous function");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new RecordError("MAPPING_FAILED", `the function in option "${option}" threw`, { cause });
  }
};

/** Certificates for TLS, as Node's `tls.connect` takes them. The server's certificate is always verified. */
export interface TlsOptions {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Name in the server's certificate. Needed if the host is an IP address, as with a tunnel. Default: the host. */
  readonly servername?: string;
}

/** @throws {ConfigError} CONFIG_INVALID when the value is not an object, or switches verification off. */
export const checkTls = (option: string, tls: unknown): void => {
  if (tls === undefined) return;
  if (!isRecord(tls)) throw invalidOption(option, "must be an object");
  if (!("checkServerIdentity" in tls) && (tls.rejectUnauthorized ?? true) === true) return;
  throw invalidOption(option, `must not switch verification off; give the authority's certificate as ${option}.ca`);
};

/** Whether a host name from a URL or a connection option means this machine. Then traffic does not use a network. */
export const isLoopbackHost = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/.test(host);
