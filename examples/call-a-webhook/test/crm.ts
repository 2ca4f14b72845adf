// A CRM for tests: an HTTP API for contacts. Calls fail if the test wants them to fail.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

/** The token that the CRM accepts. */
export const token = "crm-token";
/** The secret that the CRM uses to verify signatures. */
export const secret = `whsec_${Buffer.from("a secret of 24 bytes, ok").toString("base64")}`;

/** A call that succeeded. */
export interface CrmCall {
  readonly method: string;
  readonly contact: string;
  readonly key: string;
  readonly version: string;
}

/** Returns the failure that the CRM simulates for a call, or undefined if the call should succeed. */
export type CrmFault = (
  contact: string,
) => "down" | { readonly status: number; readonly retryAfter?: string } | undefined;

/** A running CRM. */
export interface Crm {
  /** Starts the CRM, and returns the URL of its API. */
  readonly start: () => Promise<string>;
  readonly stop: () => Promise<void>;
  readonly setFault: (fault: CrmFault) => void;
  /** Number of calls so far, including calls that failed. */
  readonly arrived: () => number;
  /** The calls that succeeded, in order. */
  readonly taken: readonly CrmCall[];
  readonly contacts: ReadonlyMap<string, unknown>;
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const textHeaders = (headers: IncomingMessage["headers"]): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/**
 * Checks the token and the signature. An empty body is not JSON, so `verify` throws a SyntaxError for an empty body
 * with a valid signature.
 */
const isAuthentic = (headers: Record<string, string>, body: string): boolean => {
  if (headers.authorization !== `Bearer ${token}`) return false;
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch (error) {
    return body === "" && error instanceof SyntaxError;
  }
};

/** Creates a CRM without contacts. */
export const openCrm = (): Crm => {
  const taken: CrmCall[] = [];
  const contacts = new Map<string, unknown>();
  let fault: CrmFault = () => undefined;
  let arrived = 0;

  const take = (request: IncomingMessage, contact: string, body: string): void => {
    const { method = "", headers } = request;
    taken.push({ method, contact, key: String(headers["webhook-id"]), version: String(headers["sluice-version"]) });
    if (method === "DELETE") contacts.delete(contact);
    else contacts.set(contact, JSON.parse(body));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    arrived += 1;
    const body = await textOf(request);
    const contact = decodeURIComponent(/^\/api\/contacts\/([^/]+)$/.exec(request.url ?? "")?.[1] ?? "");
    const reaction = fault(contact);
    if (reaction === "down") response.destroy();
    else if (reaction !== undefined) {
      const { status, retryAfter } = reaction;
      response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter }).end();
    } else if (contact === "" || !isAuthentic(textHeaders(request.headers), body)) response.writeHead(401).end();
    else {
      take(request, contact, body);
      response.writeHead(204).end();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  return {
    taken,
    contacts,
    arrived: () => arrived,
    setFault: (next) => {
      fault = next;
    },
    start: async () => {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
    },
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
