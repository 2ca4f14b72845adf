// Options, their defaults and their validation at cold start. No code here connects to the endpoint.

import { isIP } from "node:net";
import {
  type CircuitOptions,
  type Clock,
  checkedPerSecond,
  checkOptionNames,
  checkText,
  checkTls,
  checkWhole,
  invalidOption,
  isSinkErrorCode,
  type OptionNames,
  type StatusCodes,
  systemClock,
} from "@sluice/core/sink-kit";
import { headerFault, isMethod, lowerCased, type RequestDefaults, type WebhookMethod } from "./encode.ts";
import { type AddressResolver, type AddressRule, addressRule, systemResolver } from "./request/address-rule.ts";
import { keyOf } from "./request/signature.ts";

/** Certificates, in the form that Node's `tls.connect` takes. The endpoint's certificate is always verified. */
export interface WebhookTls {
  /** Certificate authorities to trust instead of the well-known ones. */
  readonly ca?: string | readonly string[];
  /** Certificate and key of the client, for endpoints that require them. */
  readonly cert?: string;
  readonly key?: string;
}

/** When the circuit breaker opens, and for how long. */
export interface CircuitBreakerOptions {
  /** The circuit opens after this number of consecutive requests without an answer. Default 5. */
  readonly failures?: number;
  /** Milliseconds until the first probe of an open circuit. Doubles with each failed probe. Default 2,000. */
  readonly openMs?: number;
  /** Upper limit of the time until a probe, in milliseconds. Default 10,000. */
  readonly maxOpenMs?: number;
}

/** Options of `webhookSink`. */
export interface WebhookSinkOptions {
  /** URL of the endpoint: `https:`, or `http:` if its addresses are in `allowAddresses`. */
  readonly url: string;
  /** Secrets that sign the requests: `whsec_…`. Give two during a rotation, or `[]` to send unsigned requests. */
  readonly secrets: readonly string[];
  /** Default `POST`. */
  readonly method?: WebhookMethod;
  /** Headers of every request: an API key, a content type. */
  readonly headers?: { readonly [name: string]: string };
  /** Timeout of a request in milliseconds, from name resolution to the status of the answer. Default 5,000. */
  readonly timeoutMs?: number;
  /** Maximum number of requests in flight, in each environment. Default 8. */
  readonly concurrency?: number;
  /** Requests per second, in each environment. Default: no limit. */
  readonly maxPerSecond?: number;
  /** Maximum bytes of a body in UTF-8. Default 1,048,576. */
  readonly maxBodyBytes?: number;
  readonly circuitBreaker?: CircuitBreakerOptions;
  /** Private, loopback, link-local and other special addresses or networks that the sink may reach: `10.1.0.0/16`. */
  readonly allowAddresses?: readonly string[];
  readonly tls?: WebhookTls;
  /** Codes by status, if this endpoint differs from the table in the README: `{ 409: "SINK_CONFLICT" }`. */
  readonly codes?: StatusCodes;
  /** Name of the sink in logs, metrics and dead letters. Default `webhook`. */
  readonly name?: string;
  /** For tests: replaces the machine's resolver. */
  readonly resolve?: AddressResolver;
  /** For tests: replaces the machine's clock. */
  readonly clock?: Pick<Clock, "now" | "sleep">;
}

/** Options after validation. */
export interface WebhookSinkSettings
  extends RequestDefaults,
    Required<Pick<WebhookSinkOptions, "timeoutMs" | "concurrency" | "maxPerSecond" | "tls" | "codes" | "resolve">> {
  readonly keys: readonly Buffer[];
  readonly circuit: CircuitOptions;
  readonly rule: AddressRule;
  readonly clock: Clock;
}

const checkedUrl = (text: unknown): URL => {
  if (typeof text !== "string" || !URL.canParse(text))
    throw invalidOption("url", "must be a URL: https://example.com/hook");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw invalidOption("url", "must start with https:");
  if (url.username !== "" || url.password !== "") {
    throw invalidOption("url", 'must not contain credentials: put them into the option "headers"');
  }
  url.hash = "";
  return url;
};

const checkedKeys = (secrets: unknown): Buffer[] => {
  if (!Array.isArray(secrets)) throw invalidOption("secrets", "must be a list of secrets; [] sends unsigned requests");
  return secrets.map((secret: unknown) => {
    const key = typeof secret === "string" ? keyOf(secret) : undefined;
    if (key === undefined)
      throw invalidOption("secrets", "must contain strings of whsec_ and 24 to 64 bytes in base64");
    return key;
  });
};

const maxTimerMs = 2 ** 31 - 1;

/** Checks the circuit's options. `minProbeMs` is the request timeout, because a probe may take that long. */
const checkedCircuit = (options: CircuitBreakerOptions = {}, minProbeMs: number): CircuitOptions => {
  checkOptionNames("webhookSink({ circuitBreaker })", options, { failures: true, openMs: true, maxOpenMs: true });
  const { failures = 5, openMs = 2_000, maxOpenMs = Math.max(10_000, openMs) } = options;
  checkWhole("circuitBreaker.failures", failures, [1, 1_000_000]);
  checkWhole("circuitBreaker.openMs", openMs, [1, maxTimerMs]);
  checkWhole("circuitBreaker.maxOpenMs", maxOpenMs, [openMs, maxTimerMs]);
  return { failures, openMs, maxOpenMs, minProbeMs };
};

const checkedRule = (url: URL, allowed: readonly string[]): AddressRule => {
  const isPlain = url.protocol === "http:";
  if (isPlain && allowed.length === 0) {
    throw invalidOption("url", 'must start with https:; http: reaches addresses in the option "allowAddresses" only');
  }
  let rule: AddressRule;
  try {
    rule = addressRule(allowed, isPlain);
  } catch (error) {
    throw invalidOption("allowAddresses", `must contain addresses and networks: ${(error as Error).message}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // A connection to an IP address does not use the resolver, which checks names. So the address is checked here.
  if (isIP(host) !== 0 && !rule(host))
    throw invalidOption("url", 'has an address that "allowAddresses" does not contain');
  return rule;
};

const checkedHeaders = (headers: { readonly [name: string]: string }): Record<string, string> => {
  const fault = headerFault(headers);
  if (fault !== undefined) throw invalidOption("headers", `must be headers: ${fault}`);
  return lowerCased(headers);
};

const checkedCodes = (codes: StatusCodes): StatusCodes => {
  for (const [status, code] of Object.entries(codes)) {
    if (!/^[3-5]\d\d$/.test(status) || !isSinkErrorCode(code))
      throw invalidOption("codes", "must map statuses from 300 to 599 to codes SINK_…");
  }
  return Object.freeze({ ...codes });
};

const known: OptionNames<WebhookSinkOptions> = {
  url: true,
  secrets: true,
  method: true,
  headers: true,
  timeoutMs: true,
  concurrency: true,
  maxPerSecond: true,
  maxBodyBytes: true,
  circuitBreaker: true,
  allowAddresses: true,
  tls: true,
  codes: true,
  name: true,
  resolve: true,
  clock: true,
};

/** Calls the given clock through its object: the clock may be an instance of a class. */
const ownClock = (given: WebhookSinkOptions["clock"]): Clock =>
  given === undefined
    ? systemClock
    : { ...systemClock, now: () => given.now(), sleep: (ms, signal) => given.sleep(ms, signal) };

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option */
export const checkOptions = (options: WebhookSinkOptions): WebhookSinkSettings => {
  checkOptionNames("webhookSink", options, known);
  const { method = "POST", timeoutMs = 5_000, concurrency = 8, name = "webhook" } = options;
  const { maxBodyBytes = 1_048_576, allowAddresses = [], tls = {}, codes = {}, headers = {} } = options;
  const url = checkedUrl(options.url);
  if (!isMethod(method)) throw invalidOption("method", "must be POST, PUT, PATCH or DELETE");
  checkText("name", name);
  checkWhole("timeoutMs", timeoutMs, [1, maxTimerMs]);
  checkWhole("concurrency", concurrency, [1, 1_000]);
  checkWhole("maxBodyBytes", maxBodyBytes, [0, Number.MAX_SAFE_INTEGER]);
  checkTls("tls", tls);
  checkOptionNames("webhookSink({ tls })", tls, { ca: true, cert: true, key: true });
  return Object.freeze({
    name,
    url,
    method,
    headers: Object.freeze(checkedHeaders(headers)),
    maxBodyBytes,
    keys: Object.freeze(checkedKeys(options.secrets)),
    timeoutMs,
    concurrency,
    maxPerSecond: checkedPerSecond(options.maxPerSecond),
    circuit: checkedCircuit(options.circuitBreaker, timeoutMs),
    rule: checkedRule(url, allowAddresses),
    tls,
    codes: checkedCodes(codes),
    resolve: options.resolve ?? systemResolver,
    clock: ownClock(options.clock),
  });
};
