// The shortcuts of reading an answer: items in the order of the request, and the comparison of remembered versions.

import { describe, expect, test } from "@jest/globals";
import { streamChange } from "@sluice/testing";
import fc from "fast-check";
import type { BulkItem } from "../src/classify.ts";
import type { Action, BulkEntry } from "../src/encode.ts";
import { type ReadAnswer, readItems } from "../src/write/answer.ts";
import { isAsNew } from "../src/write/recent-writes.ts";
import { deliveryOf } from "./support/outcomes.ts";

const entryOf = (action: Action, index: number): BulkEntry => {
  const id = `item-${index}`;
  const delivery = deliveryOf(streamChange({ keyNames: ["pk"], after: { pk: id } }));
  return { delivery, action, isLast: false, id, place: JSON.stringify(id), lines: "", bytes: 0 };
};

interface Answered {
  readonly entry: BulkEntry;
  readonly item: { readonly [action: string]: BulkItem };
}

const actions = ["create", "index", "check", "update", "exists", "update-existing"] as const;
const names: Readonly<Partial<Record<Action, string>>> = { create: "create", index: "index" };

const itemContent: fc.Arbitrary<Omit<BulkItem, "_id">> = fc.oneof(
  fc.record({
    status: fc.constantFrom(200, 201),
    result: fc.constantFrom("created", "updated", "noop"),
    _seq_no: fc.nat(),
    _primary_term: fc.constant(1),
  }),
  fc.record({
    status: fc.constantFrom(400, 404, 409, 429, 500),
    error: fc.record({
      type: fc.constantFrom("mapper_parsing_exception", "document_missing_exception", "illegal_argument_exception"),
    }),
  }),
);

/** An answer in the order of its request. An ingest pipeline may have refused the member `upsert` of an update. */
const answers: fc.Arbitrary<readonly Answered[]> = fc
  .array(fc.tuple(fc.constantFrom(...actions), itemContent, fc.boolean()), { minLength: 1, maxLength: 12 })
  .map((drafts) =>
    drafts.map(([action, content, isRefused], index) => {
      const entry = entryOf(action, index);
      const name = action === "update" && isRefused ? "index" : (names[action] ?? "update");
      return { entry, item: { [name]: { _id: entry.id, ...content } } };
    }),
  );

/** What the answer says about each entry, without the objects' identities. */
const summaryOf = (read: ReadAnswer) => ({
  results: read.results.map((one) => [
    one.delivery.change.keys,
    one.outcome === "failed" ? [one.error.code, one.error.message] : one.outcome,
  ]),
  undecided: read.undecided.map(({ change }) => change.keys),
  again: read.again.map(({ change }) => change.keys),
  suspects: read.suspects.map(({ delivery, isPipeline }) => [delivery.change.keys, isPipeline]),
  mixedUp: read.mixedUp.map(({ id }) => id),
  taken: read.taken.map(([{ id }, item]) => [id, item]),
});

const source = { sink: "opensearch" };
const readOf = (answer: readonly Answered[], items: readonly unknown[]) =>
  summaryOf(
    readItems(
      source,
      answer.map(({ entry }) => entry),
      items,
    ),
  );

describe("the answer to a bulk request", () => {
  test("says the same in the order of the request and in any other order", () => {
    const orders = answers.chain((answer) =>
      fc.tuple(
        fc.constant(answer),
        fc.shuffledSubarray(
          answer.map(({ item }) => item),
          { minLength: answer.length },
        ),
      ),
    );
    fc.assert(
      fc.property(orders, ([answer, shuffled]) => {
        const inOrder = readOf(
          answer,
          answer.map(({ item }) => item),
        );
        expect(readOf(answer, shuffled)).toEqual(inOrder);
        expect(inOrder.taken.every(([id, item]) => (item as BulkItem)._id === id)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("says the same of items without an id, in the order of the request", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const items = answer.map(({ item }) => item);
        const nameless = items.map((item) =>
          Object.fromEntries(Object.entries(item).map(([name, { _id, ...content }]) => [name, content])),
        );
        const { taken, ...others } = readOf(answer, items);
        const { taken: takenToo, ...othersToo } = readOf(answer, nameless);
        expect(othersToo).toEqual(others);
        expect(takenToo.map(([id]) => id)).toEqual(taken.map(([id]) => id));
      }),
    );
  });
});

describe("a remembered write", () => {
  test("is as new as a change by the order of versions; a tombstone yields to a message of its version", () => {
    const version = fc.constantFrom("1-0001", "1-0002", "1-0002.5", "2-0001");
    fc.assert(
      fc.property(version, version, fc.boolean(), fc.boolean(), (written, version, mayBeTombstone, hasMessage) => {
        const order = Math.sign(Buffer.compare(Buffer.from(written), Buffer.from(version)));
        const least = mayBeTombstone && hasMessage ? 1 : 0;
        expect(isAsNew({ version: written, mayBeTombstone }, version, hasMessage)).toBe(order >= least);
      }),
    );
  });
});
