// The page's only way to the server: the API, with the token of this start.

const tokenKey = "sluice-token";

/** An answer of the API that is an error, or no answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Status of HTTP; 0 if the server did not answer. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Parameters of a query. Undefined members are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** Moves the token from the fragment of the address to the session, so that no link or bookmark carries the token. */
export const takeToken = (): void => {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  sessionStorage.setItem(tokenKey, token);
  history.replaceState(history.state, "", location.pathname + location.search);
};

const withQuery = (path: string, query: Query): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? path : `${path}?${search}`;
};

const errorOf = async (response: Response): Promise<ApiError> => {
  const body: unknown = await response.json().catch(() => undefined);
  const error = (body as { error?: { code?: unknown; message?: unknown } } | undefined)?.error;
  return new ApiError(
    response.status,
    typeof error?.code === "string" ? error.code : `HTTP_${response.status}`,
    typeof error?.message === "string" ? error.message : `The console answered with status ${response.status}.`,
  );
};

const ask = async (path: string, init: RequestInit): Promise<Response> => {
  const headers = new Headers(init.headers);
  headers.set("x-sluice-token", sessionStorage.getItem(tokenKey) ?? "");
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new ApiError(0, "UNREACHABLE", "The console does not answer. Is the command still running?");
  }
  if (!response.ok) throw await errorOf(response);
  return response;
};

/** Asks for an answer of the API. */
export const get = async <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  (await ask(withQuery(path, query), signal === undefined ? {} : { signal })).json();

/** Calls an action of the API. Each call has a key of its own, so that a repeated request acts once. */
export const post = async <T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> =>
  (
    await ask(path, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    })
  ).json();

/** Reads lines of JSON until the answer ends, or the signal aborts. */
export async function* lines<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const { body } = await ask(withQuery(path, query), { signal });
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part !== "") yield JSON.parse(part);
  }
}
