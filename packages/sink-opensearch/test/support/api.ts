// Functions with which tests send requests directly to a server, not through the sink.

/** The server's answer to a request, which may be an error. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Sends a request to the server. */
export type Api = (method: string, path: string, body?: unknown) => Promise<ApiAnswer>;

/** Creates the function that sends requests to the server at this URL. */
export const apiOf =
  (url: string): Api =>
  async (method, path, body) => {
    const init = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
    const answer = await fetch(`${url}${path}`, { method, headers: { "content-type": "application/json" }, ...init });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {} };
  };

/** A document that a search found. */
export interface Hit {
  readonly _id: string;
  readonly _source: Record<string, unknown>;
}

/** Returns every document of an alias or index, after a refresh. */
export const hitsOf = async (api: Api, index: string, query?: object): Promise<readonly Hit[]> => {
  await api("POST", `/${index}/_refresh`);
  const { body } = await api("POST", `/${index}/_search?size=10000`, query === undefined ? {} : { query });
  return (body as { hits: { hits: Hit[] } }).hits.hits;
};

let count = 0;

/** Returns a name for an alias or index that no other test uses. */
export const newIndex = (): string => {
  count += 1;
  return `test-${process.pid}-${count}`;
};

/** The document without the guard's field. */
export const withoutGuard = ({ _sluice: _, ...document }: Record<string, unknown>): Record<string, unknown> => document;
