// What the tests ask of a server beside the sink.

/** An answer that may be a refusal. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export type Api = (method: string, path: string, body?: unknown) => Promise<ApiAnswer>;

/** Asks the server at this URL. */
export const apiOf =
  (url: string): Api =>
  async (method, path, body) => {
    const init = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
    const answer = await fetch(`${url}${path}`, { method, headers: { "content-type": "application/json" }, ...init });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {} };
  };

/** A document as a search finds it. */
export interface Hit {
  readonly _id: string;
  readonly _source: Record<string, unknown>;
}

/** Every document of an alias or index, after a refresh. */
export const hitsOf = async (api: Api, index: string, query?: object): Promise<readonly Hit[]> => {
  await api("POST", `/${index}/_refresh`);
  const { body } = await api("POST", `/${index}/_search?size=10000`, query === undefined ? {} : { query });
  return (body as { hits: { hits: Hit[] } }).hits.hits;
};

let made = 0;

/** An alias that no other test uses. */
export const newIndex = (): string => {
  made += 1;
  return `test-${process.pid}-${made}`;
};

/** Without the sink's own field. */
export const withoutGuard = ({ _sluice: _, ...document }: Record<string, unknown>): Record<string, unknown> => document;
