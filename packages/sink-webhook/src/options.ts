// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { isIP } from "node:net";
import {
  type Clock,
  checkText,
  checkWhole,
  invalidOption,
  isSinkErrorCode,
  type SinkErrorCode,
  systemClock,
} from "@sluice/core/sink-kit";
import type { StatusCodes } from "./classify.ts";
import { headerFault, isMethod, type RequestSettings, type WebhookMethod } from "./encode.ts";
import { type AddressResolver, type AddressRule, addressRule, systemResolver } from "./request/address-rule.ts";
import type { CircuitOptions } from "./request/endpoint-health.ts";
import { keyOf } from "./request/signature.ts";

/** Certificates as Node's `tls.connect` takes them. The endpoint's certificate is always verified. */
export interface WebhookTls {
  /** Authorities to trust instead of the well-known ones. */
  readonly ca?: string | readonly string[];
  /** The client's own certificate and key, where the endpoint asks for them. */
  readonly cert?: string;
  readonly key?: string;
}

/** Options of `webhook`. */
export interface WebhookSinkOptions {
  /** Where to send: `https:`. `http:` reaches addresses in `allowAddresses` only. */
  readonly url: string;
  /** Secrets by which requests are signed, `whsec_…`: two while one replaces the other; `[]` says: unsigned. */
  readonly secrets: readonly string[];
  /** Default `POST`. */
  readonly method?: WebhookMethod;
  /** For every request: an API key, a content type. */
  readonly headers?: { readonly [name: string]: string };
  /** For one request, from name resolution to the answer's status. Default 5,000. */
  readonly timeoutMs?: number;
  /** Requests at once, in each environment. Default 8. */
  readonly concurrency?: number;
  /** Requests a second, in each environment. Default: no limit. */
  readonly maxPerSecond?: number;
  /** Bytes of a body, in UTF-8. Default 1,048,576. */
  readonly maxBodyBytes?: number;
  readonly circuit?: CircuitOptions;
  /** Private, loopback, link-local or otherwise special addresses and networks that may be reached: `10.1.0.0/16`. */
  readonly allowAddresses?: readonly string[];
  readonly tls?: WebhookTls;
  /** What this endpoint means by a status, where it differs from the README's table: `{ 409: "SINK_CONFLICT" }`. */
  readonly codes?: { readonly [status: number]: SinkErrorCode };
  /** For logs, metrics and dead letters. Default `webhook`. */
  readonly name?: string;
  /** For tests. Default: the machine's resolver. */
  readonly resolve?: AddressResolver;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Pick<Clock, "now" | "sleep">;
}

/** Options after validation. */
export interface Settings extends RequestSettings {
  readonly keys: readonly Buffer[];
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly maxPerSecond: number;
  readonly circuit: Required<CircuitOptions>;
  readonly rule: AddressRule;
  readonly tls: WebhookTls;
  readonly codes: StatusCodes;
  readonly resolve: AddressResolver;
  readonly clock: Clock;
}

const checkedUrl = (text: unknown): URL => {
  if (typeof text !== "string" || !URL.canParse(text))
    throw invalidOption("url", "must be a URL: https://example.com/hook");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw invalidOption("url", "must start with https:");
  if (url.username !== "" || url.password !== "") {
    throw invalidOption("url", 'must not hold credentials: put them into the option "headers"');
  }
  url.hash = "";
  return url;
};

const checkedKeys = (secrets: unknown): Buffer[] => {
  if (!Array.isArray(secrets)) throw invalidOption("secrets", "must be a list of secrets; [] sends unsigned requests");
  return secrets.map((secret: unknown) => {
    const key = typeof secret === "string" ? keyOf(secret) : undefined;
    if (key === undefined) throw invalidOption("secrets", "must hold texts of whsec_ and 24 to 64 bytes in base64");
    return key;
  });
};

const checkNumber = (option: string, value: unknown, [least, most]: readonly [number, number]): void => {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw invalidOption(option, `must be a number from ${least} to ${most}`);
};

const maxTimerMs = 2 ** 31 - 1;

const checkedCircuit = (options: CircuitOptions = {}): Required<CircuitOptions> => {
  const { failures = 5, openMs = 10_000, maxOpenMs = Math.max(60_000, openMs) } = options;
  checkNumber("circuit.failures", failures, [1, 1_000_000]);
  checkNumber("circuit.openMs", openMs, [1, maxTimerMs]);
  checkNumber("circuit.maxOpenMs", maxOpenMs, [openMs, maxTimerMs]);
  return { failures, openMs, maxOpenMs };
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
    throw invalidOption("allowAddresses", `must hold addresses and networks: ${(error as Error).message}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // A connection to an address asks no resolver, so that this is the only place to see it.
  if (isIP(host) !== 0 && !rule(host)) throw invalidOption("url", 'has an address that "allowAddresses" does not hold');
  return rule;
};

const checkedHeaders = (headers: { readonly [name: string]: string }): Record<string, string> => {
  const fault = headerFault(headers);
  if (fault !== undefined) throw invalidOption("headers", `must be headers: ${fault}`);
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
};

const checkedCodes = (codes: StatusCodes): StatusCodes => {
  for (const [status, code] of Object.entries(codes)) {
    if (!/^[3-5]\d\d$/.test(status) || !isSinkErrorCode(code))
      throw invalidOption("codes", "must be codes SINK_… by status, 300 to 599");
  }
  return Object.freeze({ ...codes });
};

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = (options: WebhookSinkOptions): Settings => {
  const { method = "POST", timeoutMs = 5_000, concurrency = 8, maxPerSecond, name = "webhook" } = options;
  const { maxBodyBytes = 1_048_576, allowAddresses = [], tls = {}, codes = {}, headers = {} } = options;
  const url = checkedUrl(options.url);
  if (!isMethod(method)) throw invalidOption("method", "must be POST, PUT, PATCH or DELETE");
  checkText("name", name);
  checkNumber("timeoutMs", timeoutMs, [1, maxTimerMs]);
  checkWhole("concurrency", concurrency, [1, 1_000]);
  if (maxPerSecond !== undefined) checkNumber("maxPerSecond", maxPerSecond, [0.001, 1_000_000]);
  checkNumber("maxBodyBytes", maxBodyBytes, [0, Number.MAX_SAFE_INTEGER]);
  if ("rejectUnauthorized" in tls)
    throw invalidOption("tls", "must not switch verification off; give the authority as tls.ca");
  return Object.freeze({
    name,
    url,
    method,
    headers: Object.freeze(checkedHeaders(headers)),
    maxBodyBytes,
    keys: Object.freeze(checkedKeys(options.secrets)),
    timeoutMs,
    concurrency,
    maxPerSecond: maxPerSecond ?? Number.POSITIVE_INFINITY,
    circuit: checkedCircuit(options.circuit),
    rule: checkedRule(url, allowAddresses),
    tls,
    codes: checkedCodes(codes),
    resolve: options.resolve ?? systemResolver,
    clock: { ...systemClock, ...options.clock },
  });
};
