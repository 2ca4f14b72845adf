// Calls the method `keys` of an upsert sink until the last page of each part.

import type { HeldKey, Sink, WriteContext } from "@sluice/core/sink-kit";
import { expectThat, mismatch } from "./expectation.ts";

/** Fails a case that needs an optional method which the sink does not have. */
export const absent = (method: string): never =>
  mismatch(`sink.${method}`, "none", `one, or a reason in cannot.${method}`);

/** All pages of one part. A sink that returns the same `next` for ever fails. */
const keysOfPart = async (
  keys: NonNullable<Sink<unknown, "upsert">["keys"]>,
  [part, parts]: readonly [number, number],
  limit: number,
  context: WriteContext,
): Promise<HeldKey[]> => {
  const found: HeldKey[] = [];
  let after: string | undefined;
  for (let page = 0; page < 10_000; page += 1) {
    const request = { part, parts, after, limit, keyTypes: { pk: "S", sk: "S" } } as const;
    const answer = await keys(request, context);
    expectThat(answer.keys.length <= limit, "keys in a page", answer.keys.length, `at most ${limit}`);
    found.push(...answer.keys);
    if (answer.next === undefined) return found;
    after = answer.next;
  }
  return mismatch("pages of one part", "10,000", "an end");
};

/** Returns the keys of all pages of all parts. The parts are read at the same time. */
export const allKeys = async (
  keys: NonNullable<Sink<unknown, "upsert">["keys"]>,
  parts: number,
  limit: number,
  context: WriteContext,
): Promise<HeldKey[]> => {
  const found = await Promise.all(
    Array.from({ length: parts }, (_, part) => keysOfPart(keys, [part, parts], limit, context)),
  );
  return found.flat();
};
