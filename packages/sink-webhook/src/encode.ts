// Turns a delivery into its request, without I/O. The signature is added later, because it depends on the time.

import { validateHeaderName, validateHeaderValue } from "node:http";
import {
  type AppendDelivery,
  entriesOf,
  headerKey,
  jsonText,
  type MemberNames,
  messageOf,
  rejected,
  SinkError,
  textMember,
  wholeText,
  wrongType,
} from "@sluice/core/sink-kit";

/** A method of a request. */
export type WebhookMethod = "POST" | "PUT" | "PATCH" | "DELETE";

/** The request that a mapper returns. Null in an optional member means that the member is absent. */
export interface WebhookMessage {
  /** A string is sent unchanged, any other value as lossless JSON. Default, also for null: an empty body. */
  readonly body?: unknown;
  /**
   * Percent-encoded path to append to the path of the sink's URL, for an API with a path for each resource:
   * `/customers/42`. It may have a query, which follows the query of the sink's URL.
   */
  readonly path?: string | null | undefined;
  /** Default: the option `method` of the sink. */
  readonly method?: WebhookMethod | null | undefined;
  /** Additional headers. They override headers of the same name in the options. */
  readonly headers?: { readonly [name: string]: string | null | undefined } | null | undefined;
}

/** The settings that `encode` needs. */
export interface RequestDefaults {
  readonly name: string;
  readonly url: URL;
  readonly method: WebhookMethod;
  readonly headers: { readonly [name: string]: string };
  readonly maxBodyBytes: number;
}

/** A request without its signature. */
export interface EncodedRequest {
  /** The value of `webhook-id` and `Idempotency-Key`. */
  readonly id: string;
  readonly url: URL;
  readonly method: WebhookMethod;
  /** Headers, with names in lower case. */
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** Headers that only the sink and Node.js may set. */
const reserved =
  /^(connection|content-length|expect|host|idempotency-key|keep-alive|proxy-authorization|sluice-version|te|trailer|transfer-encoding|upgrade|webhook-(id|signature|timestamp))$/i;

/** The members of a message. */
const members: MemberNames<WebhookMessage> = { body: true, path: true, method: true, headers: true };

/** Returns why these headers cannot be sent; undefined if they can. The text has no values, as these may be secret. */
export const headerFault = (headers: { readonly [name: string]: unknown }): string | undefined => {
  const names = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    if (names.has(name.toLowerCase())) return `header ${name} is given twice`;
    names.add(name.toLowerCase());
    if (reserved.test(name)) return `header ${name} is set by the sink`;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string);
    } catch {
      return "a header has a name or a value that HTTP does not allow";
    }
    if (typeof value !== "string") return `header ${name} is not a string`;
  }
  return undefined;
};

/** Returns the headers with their names in lower case. */
export const lowerCased = (headers: { readonly [name: string]: string }): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The characters that RFC 3986 allows in a path and in its query. The URL parser changes or drops some others. */
const legalPath = /^\/(?:[\w.~!$&'()*+,;=:@/-]|%[\dA-Fa-f]{2})*(?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[\dA-Fa-f]{2})*)?$/;

/** Removes percent-encoding. Bytes that are not UTF-8 stay encoded: they are neither full stops nor slashes. */
const decoded = (segment: string): string =>
  segment.replace(/%([2-7][\dA-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/**
 * Whether a server or proxy could read a segment as `.` or `..`, which leads to another resource. Some decode `%2e` and
 * `%2f` first, and some ignore what follows a semicolon.
 */
const hasDots = (segment: string): boolean =>
  decoded(segment)
    .split(/[/\\]/)
    .some((part) => /^\.{1,2}(?:[; ]|$)/.test(part));

/** Returns what is wrong with a path; undefined for a path that every server reads as it is written. */
const pathFault = (path: string, mayEndWithSlash: boolean): string | undefined => {
  if (!legalPath.test(path)) {
    return path.startsWith("/")
      ? "has a character that is not allowed in a URL; expected percent-encoding by encodeURIComponent"
      : "does not start with a slash; expected a path such as /customers/42";
  }
  const [segments = ""] = path.slice(1).split("?");
  const parts = segments.split("/");
  if (parts.slice(0, -1).includes("")) return "has an empty segment; expected a text between two slashes";
  if (parts.at(-1) === "" && !mayEndWithSlash) {
    return "ends with a slash; expected a text after it, or a slash at the end of the sink's URL too";
  }
  return parts.some(hasDots) ? "has a segment that means another path, such as ..; expected a name" : undefined;
};

/** Appends the query of a message to the query of the sink's URL. Undefined if both set the same parameter. */
const joinedQuery = (own: string, given: string): string | undefined => {
  const names = new Set(new URLSearchParams(own).keys());
  if ([...new URLSearchParams(given).keys()].some((name) => names.has(name))) return undefined;
  const query = [own.slice(1), given].filter((part) => part !== "").join("&");
  return query === "" ? "" : `?${query}`;
};

const urlOf = ({ name, url }: RequestDefaults, path: unknown): URL => {
  if (path === undefined || path === null) return url;
  const text = textMember(name, "message.path", path);
  const fault = pathFault(text, url.pathname.endsWith("/"));
  if (fault !== undefined) throw rejected(name, `message.path ${fault}`);
  const [below = "", ...queries] = text.split("?");
  const query = joinedQuery(url.search, queries.join("?"));
  if (query === undefined) {
    throw rejected(name, "message.path sets a parameter that the sink's URL sets; expected other parameters");
  }
  const pathname = `${url.pathname.replace(/\/$/, "")}${below}`;
  const joined = new URL(`${url.origin}${pathname}${query}`);
  // The parser must have changed nothing: the request goes to the sink's server, below the sink's path.
  if (joined.origin === url.origin && joined.pathname === pathname) return joined;
  throw rejected(name, "message.path leaves the URL of the sink; expected a path below it");
};

const methods: ReadonlySet<unknown> = new Set<WebhookMethod>(["POST", "PUT", "PATCH", "DELETE"]);

/** Whether the value is one of the methods. */
export const isMethod = (method: unknown): method is WebhookMethod => methods.has(method);

const otherMethod = (sink: string, method: unknown): SinkError => {
  const expected = "POST, PUT, PATCH or DELETE";
  if (typeof method !== "string") return wrongType(sink, "message.method", method, expected);
  return rejected(sink, `message.method is another text; expected ${expected}`);
};

const bodyOf = ({ name, maxBodyBytes }: RequestDefaults, body: unknown): string => {
  const isAbsent = body === undefined || body === null;
  const text = typeof body === "string" ? wholeText(name, "body", body) : isAbsent ? "" : jsonText(name, "body", body);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBodyBytes) return text;
  throw new SinkError("SINK_TOO_LARGE", `[${name}] the body is ${bytes} bytes; the limit is ${maxBodyBytes}`);
};

/**
 * Returns the request of a delivery.
 * @throws {SinkError} SINK_TOO_LARGE when the body exceeds `maxBodyBytes`, SINK_REJECTED when the message is invalid.
 */
export const encode = (delivery: AppendDelivery<WebhookMessage>, defaults: RequestDefaults): EncodedRequest => {
  const { name } = defaults;
  const message = messageOf(name, delivery, members);
  const method: unknown = message.method ?? defaults.method;
  if (!isMethod(method)) throw otherMethod(name, method);
  const headers = Object.fromEntries(entriesOf(name, "message.headers", message.headers));
  const fault = headerFault(headers);
  if (fault !== undefined) throw rejected(name, `message.headers: ${fault}`);
  const id = headerKey(delivery.idempotencyKey);
  const body = bodyOf(defaults, message.body);
  return {
    id,
    url: urlOf(defaults, message.path),
    method,
    headers: {
      "content-type": "application/json",
      "user-agent": "sluice",
      ...defaults.headers,
      ...lowerCased(headers as { readonly [name: string]: string }),
      "content-length": String(Buffer.byteLength(body)),
      "idempotency-key": id,
      "sluice-version": delivery.change.version,
    },
    body,
  };
};
