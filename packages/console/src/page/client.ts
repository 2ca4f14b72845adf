// Asks the server of the console. Each request has the token, and each action a key, so that a double click does it once.

import { type Signal, signal } from "@preact/signals";
import { createActions } from "./idempotency.ts";
import { linesOf, textPieces } from "./lines.ts";
import { takeToken } from "./token.ts";

/** `missing`: the page was opened without a token. `refused`: the token is of an earlier start of the console. */
export type Access = "open" | "missing" | "refused";

/** Values of a query. Undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** An answer of the server that is an error, or, with status 0, no answer at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

const storageKey = "sluice-token";

const tokenHeader = "x-sluice-token";

/** Moves the token from the address to the session's storage. Returns whether the address had one. */
const moveToken = (): boolean => {
  const { token, rest } = takeToken(location.hash);
  if (token === undefined) return false;
  sessionStorage.setItem(storageKey, token);
  history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  return true;
};

const heldToken = (): string | undefined => sessionStorage.getItem(storageKey) ?? undefined;

/** Whether the server lets the page in. */
export const access: Signal<Access> = signal("open");

/** Takes the token from the address. Call it before the first request, and before the router reads the address. */
export const openAccess = (): void => {
  moveToken();
  access.value = heldToken() === undefined ? "missing" : "open";
  // The address of a new start in the same tab changes only the fragment, so the browser loads nothing.
  addEventListener("hashchange", () => {
    if (moveToken()) location.reload();
  });
};

const addressOf = (path: string, query: Query): string => {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The error of an answer, also of one that is not the server's own, such as that of a proxy. */
const errorIn = async (response: Response): Promise<ApiError> => {
  const body: unknown = await response.json().catch(() => undefined);
  const { error } = isRecord(body) ? body : {};
  const { code, message } = isRecord(error) ? error : {};
  return new ApiError(
    response.status,
    typeof code === "string" ? code : "UNEXPECTED_ANSWER",
    typeof message === "string" ? message : `the server answered with status ${response.status}`,
  );
};

const send = async (address: string, init: RequestInit): Promise<Response> => {
  const token = heldToken();
  const headers = { ...init.headers, ...(token === undefined ? {} : { [tokenHeader]: token }) };
  const response = await fetch(address, { ...init, headers, cache: "no-store" }).catch((error: unknown) => {
    if (init.signal?.aborted === true) throw error;
    const message = "the console does not answer; expected its command to be running";
    throw new ApiError(0, "NO_ANSWER", message, { cause: error });
  });
  if (response.ok) return response;
  if (response.status === 401) access.value = token === undefined ? "missing" : "refused";
  throw await errorIn(response);
};

const reading = (signal: AbortSignal | undefined): RequestInit => (signal === undefined ? {} : { signal });

/** Reads something. @throws {ApiError} */
export const get = async <Value>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Value> => {
  const response = await send(addressOf(path, query), reading(signal));
  return (await response.json()) as Value;
};

const actions = createActions(
  () => crypto.randomUUID(),
  () => performance.now(),
);

const isAnswer = (error: unknown): boolean => error instanceof ApiError && error.status !== 0;

const postText = async (path: string, body: unknown): Promise<string> => {
  const text = JSON.stringify(body);
  const answer = await actions.once(
    `${path} ${text}`,
    async (key) => {
      const headers = { "content-type": "application/json", "idempotency-key": key };
      const response = await send(path, { method: "POST", headers, body: text });
      return response.text();
    },
    isAnswer,
  );
  return String(answer);
};

/** Does something. A double click, and a second try after no answer, have the key of the first. @throws {ApiError} */
export const post = async <Value>(path: string, body: unknown): Promise<Value> =>
  JSON.parse(await postText(path, body)) as Value;

/** Does something whose answer is a file, such as lines of JSON. @throws {ApiError} */
export const postForText: (path: string, body: unknown) => Promise<string> = postText;

/** Reads lines of JSON as they arrive, until the answer ends or the signal aborts. @throws {ApiError} */
export async function* lines<Line>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<Line> {
  const { body } = await send(addressOf(path, query), reading(signal));
  if (body === null) return;
  for await (const line of linesOf(textPieces(body))) yield JSON.parse(line) as Line;
}
