// Which requests are answered: those that name this server, have its token, and come from its own page.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { HttpError } from "./http-error.ts";

/** What a request must have. */
export interface Access {
  readonly token: string;
  /** The port that the server listens on. */
  readonly port: () => number;
  /** Whether other machines may ask. The names by which they do are unknown, so that only addresses are accepted. */
  readonly isReachable: boolean;
  /** Names that are accepted besides the loopback names. */
  readonly hostNames: readonly string[];
}

const loopbackNames: readonly string[] = ["127.0.0.1", "localhost", "[::1]"];

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares in a time that depends on neither text. */
const isSame = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected));

/** A name may be that of an attacker, who lets it point to this machine (DNS rebinding). An address cannot. */
const isAddress = (name: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name);

const isAcceptedHost = (host: string, access: Access): boolean => {
  const found = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?$/.exec(host.toLowerCase());
  const name = found?.[1];
  if (name === undefined) return false;
  const port = found?.[2] === undefined ? 80 : Number(found[2]);
  if (loopbackNames.includes(name) && port === access.port()) return true;
  if (!access.isReachable) return false;
  // Behind a forwarded port, the port that the browser names is not the server's.
  return loopbackNames.includes(name) || isAddress(name) || access.hostNames.includes(name);
};

/** The request's target must be a path: of an absolute address, Hono would read the host, and not the header. */
const isPath = (context: Context): boolean => {
  const incoming: unknown = context.env?.incoming;
  if (typeof incoming !== "object" || incoming === null || !("url" in incoming)) return true;
  return typeof incoming.url === "string" && incoming.url.startsWith("/");
};

/** Refuses requests that do not name this server. */
export const checkHost =
  (access: Access): MiddlewareHandler =>
  async (context, next) => {
    if (!isPath(context) || !isAcceptedHost(context.req.header("host") ?? "", access)) {
      const expected = access.isReachable ? "an address of this machine" : `127.0.0.1:${access.port()}`;
      throw new HttpError("HOST_REFUSED", `the Host header names another server; expected ${expected}`);
    }
    await next();
  };

const isOwnOrigin = (context: Context, access: Access): boolean => {
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  const origin = context.req.header("origin");
  if (origin === undefined) return true;
  const host = (context.req.header("host") ?? "").toLowerCase();
  return origin === `http://${host}` || (access.isReachable && origin === `https://${host}`);
};

/** Refuses requests without the token, and requests that a page of another site makes. */
export const checkAccess =
  (access: Access): MiddlewareHandler =>
  async (context, next) => {
    if (!isOwnOrigin(context, access)) {
      throw new HttpError("ORIGIN_REFUSED", "the request comes from another site; expected the console's own page");
    }
    const token = context.req.header("x-sluice-token");
    if (token === undefined || !isSame(token, access.token)) {
      const found = token === undefined ? "no token was found" : "the token is wrong";
      throw new HttpError("TOKEN_WRONG", `${found}; expected the one in the address that the console printed`);
    }
    await next();
  };

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers: readonly (readonly [string, string])[] = [
  ["Content-Security-Policy", policy],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
  ["Referrer-Policy", "no-referrer"],
  ["Cross-Origin-Opener-Policy", "same-origin"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
];

/** Adds the headers that keep other sites away from every answer. No answer permits another origin (CORS). */
export const protect: MiddlewareHandler = async (context, next) => {
  await next();
  for (const [name, value] of headers) context.res.headers.set(name, value);
  if (!context.res.headers.has("Cache-Control")) context.res.headers.set("Cache-Control", "no-store");
};
