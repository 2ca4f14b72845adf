// Addresses of the page: a path and a query. No DOM.

/** A query, by name. */
export type AddressQuery = Readonly<Record<string, string>>;

/** What the address bar says. */
export interface Address {
  /** Without a slash at its end. */
  readonly path: string;
  readonly query: AddressQuery;
}

/** Reads an address. Of a name that comes twice, the last value counts. */
export const addressOf = (pathname: string, search: string): Address => ({
  path: pathname.replace(/\/+$/u, "") || "/",
  query: Object.fromEntries(new URLSearchParams(search)),
});

/** The address as a link. Members that are undefined or empty are left out. */
export const href = (path: string, query: Readonly<Record<string, string | undefined>> = {}): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(name, value);
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
};
