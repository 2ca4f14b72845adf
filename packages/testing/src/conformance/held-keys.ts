// Calls the method `keys` of an upsert sink until the last page of each part.

import type { HeldKey, Sink, WriteContext } from "@sluice/core/sink-kit";
import { expectThat, mismatch } from "./expectation.ts";

/** Fails a case that needs an optional method which the sink does not have. */
export const absent = (method: string): never =>
  mismatch(`sink.${method}`, "none", `one, or a reason in cannot.${method}`);

/** How to list the keys of a target. */
export interface Listing {
  readonly parts: number;
  /** Maximum number of keys in a page. */
  readonly limit: number;
  /** Called after each page that is not the last one of its part. */
  readonly betweenPages?: (page: readonly HeldKey[]) => Promise<unknown>;
}

type Keys = NonNullable<Sink<unknown, "upsert">["keys"]>;

/** Returns the keys of all pages of all parts. The parts are read at the same time. A sink whose pages never end fails. */
export const allKeys = async (keys: Keys, listing: Listing, context: WriteContext): Promise<HeldKey[]> => {
  const { parts, limit, betweenPages } = listing;
  const found: HeldKey[] = [];
  const readPage = async ([part, after]: readonly [number, string | undefined]) => {
    const request = { part, parts, after, limit, keyTypes: { pk: "S", sk: "S" } } as const;
    const page = await keys(Object.freeze(request), context);
    expectThat(page.keys.length <= limit, "keys in a page", page.keys.length, `at most ${limit}`);
    found.push(...page.keys);
    if (page.next === undefined) return [];
    expectThat(page.next !== after, "next of a page", "where the same page starts", "where the following page starts");
    await betweenPages?.(page.keys);
    return [[part, page.next] as const];
  };
  let left: readonly (readonly [number, string | undefined])[] = Array.from({ length: parts }, (_, part) => [
    part,
    undefined,
  ]);
  for (let round = 0; left.length > 0; round += 1) {
    expectThat(round < 1_000, "pages of one part", "1,000", "an end");
    left = (await Promise.all(left.map(readPage))).flat();
  }
  return found;
};
