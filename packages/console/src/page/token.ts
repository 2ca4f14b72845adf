// The token of the console, which arrives in the address' fragment.

/** A fragment without its token. */
export interface TakenToken {
  /** Undefined if the fragment has none. */
  readonly token: string | undefined;
  /** What is left of the fragment, with its `#`; empty if nothing is left. */
  readonly rest: string;
}

/** Takes the token out of a fragment such as `#token=abc`. */
export const takeToken = (fragment: string): TakenToken => {
  const members = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = members.get("token") ?? undefined;
  if (token === undefined) return { token, rest: fragment === "#" ? "" : fragment };
  members.delete("token");
  const rest = members.toString();
  return { token: token === "" ? undefined : token, rest: rest === "" ? "" : `#${rest}` };
};
