// The contents that `read` and `canonical` return: equal for equal items, different for different ones, in the batch's order.

import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import type { CopyContent, DeliveryError } from "@sluice/core/sink-kit";
import { confidential, type SpecimenTable, specimenTable } from "../../records/specimen.ts";
import { unexpectedValues } from "../../records/unexpected-values.ts";
import { type Case, casesFor } from "../case.ts";
import { canonicalText, codeOf, expectEqual, expectThat, mismatch } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";

type Attributes = Parameters<SpecimenTable["put"]>[1];

/** Two states of an item, and what differs. */
type Pair = readonly [difference: string, one: Attributes, other: Attributes];

const payloads = (difference: string, one: unknown, other: unknown): Pair => [
  difference,
  { payload: { member: one } },
  { payload: { member: other } },
];

const notes = (difference: string, one: string, other: string): Pair => [difference, { note: one }, { note: other }];

const numbers = (difference: string, one: string, other: string): Pair => [
  difference,
  { amount: new NumberValueImpl(one), payload: {} },
  { amount: new NumberValueImpl(other), payload: {} },
];

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

/** DynamoDB promises no order of a map's members or a set's entries. */
const equalPairs: readonly Pair[] = [
  payloads("the order of a map's members", { a: 1, b: { c: [1], d: 2 } }, { b: { d: 2, c: [1] }, a: 1 }),
  payloads("the order of a set of texts", new Set(["b", "a", "ä"]), new Set(["ä", "a", "b"])),
  payloads("the order of a set of numbers", new Set([10, 9, -1]), new Set([-1, 9, 10])),
  payloads("the order of a set of binary values", new Set([bytes(2), bytes(1)]), new Set([bytes(1), bytes(2)])),
  numbers("the spelling of a number", "1E+2", "100"),
];

const differentPairs: readonly Pair[] = [
  ["a note", { note: "a" }, { note: undefined }],
  ["a member that only the target has", { payload: { member: 1 } }, { payload: undefined }],
  notes("the case of a letter", "text", "Text"),
  notes("a space at the end", "text", "text "),
  notes("a space at the start", "text", " text"),
  notes("a line break", "a\nb", "a b"),
  notes("the form of a letter", "ä", "a\u0308"),
  notes("the end of a long text", `${"x".repeat(5_000)}a`, `${"x".repeat(5_000)}b`),
  notes("an empty text", "", "a"),
  numbers("the last of 38 digits", "12345678901234567890123456789012345678", "12345678901234567890123456789012345679"),
  numbers("a number beyond a double", "9007199254740993", "9007199254740992"),
  numbers("the last digit of a double", "0.1", "0.10000000000000002"),
  numbers("the sign of a number", "5", "-5"),
  payloads("the order of a list", [1, 2], [2, 1]),
  payloads("the number of equal entries", [1, 1], [1]),
  payloads("null instead of no member", { a: null }, {}),
  payloads("null in a list", [null], []),
  payloads("an empty text instead of no member", { a: "" }, {}),
  payloads("an empty list instead of a map", [], {}),
  payloads("a list in a list", [[1], 2], [1, 2]),
  payloads("a text instead of a number", "1", 1),
  payloads("a text instead of true", "true", true),
  payloads("false instead of null", false, null),
  payloads("a number instead of true", 1, true),
  payloads("a value at the eighth level", nested(8, 1), nested(8, 2)),
  payloads("the name of a member", { a: 1 }, { A: 1 }),
  payloads("a dotted name instead of a map", { "a.b": 1 }, { a: { b: 1 } }),
  payloads("a byte", bytes(1, 2), bytes(1, 3)),
  payloads("an entry of a set", new Set(["a", "b"]), new Set(["a"])),
  payloads(
    "a long number in a list",
    [new NumberValueImpl("9007199254740993")],
    [new NumberValueImpl("9007199254740992")],
  ),
];

function nested(levels: number, value: unknown): unknown {
  return levels === 0 ? value : { level: nested(levels - 1, value) };
}

const contentIn = (found: CopyContent | DeliveryError | undefined, what: string): string => {
  if (found === undefined || found instanceof Error) return mismatch(what, found?.message ?? "none", "a content");
  return canonicalText(found);
};

/** An item of which the target holds the state `one`, while its state is `other`. */
interface Item {
  readonly difference: string;
  readonly isEqual: boolean;
  readonly one: SpecimenChange;
  readonly other: SpecimenChange;
}

const itemsOf = (table: SpecimenTable): readonly Item[] => {
  const same = { revision: 1, note: "same" };
  // A table writes no change that changes nothing.
  const changed = specimenTable();
  const item = ([difference, one, other]: Pair, name: string, isEqual: boolean): Item => ({
    ...{ difference, isEqual },
    one: table.put(name, { ...same, ...one }),
    other: changed.put(name, { ...same, ...other }),
  });
  return [
    ...equalPairs.map((pair, index) => item(pair, `equal-${index}`, true)),
    ...differentPairs.map((pair, index) => item(pair, `different-${index}`, false)),
  ];
};

const expectContents = async (harness: Harness, items: readonly Item[]): Promise<void> => {
  const [ones, others] = [items.map(({ one }) => one), items.map(({ other }) => other)];
  await harness.write(ones);
  const held = await harness.read(others);
  const [written, expected] = [await harness.canonical(ones), await harness.canonical(others)];
  const again = await harness.canonical(others);
  for (const [index, { difference, isEqual, one, other }] of items.entries()) {
    const what = `content of an item that differs in ${difference}`;
    const content = contentIn(held[index]?.content, `read: ${what}`);
    expectEqual(content, contentIn(written[index], `canonical: ${what}`), `read: ${what}`);
    const predicted = contentIn(expected[index], `canonical: ${what}`);
    expectEqual(contentIn(again[index], what), predicted, `canonical, called again: ${what}`);
    const isSame = canonicalText(harness.messageOf(one)) === canonicalText(harness.messageOf(other));
    if (isEqual) expectEqual(content, predicted, `equal items: ${what}`);
    else if (!isSame) expectThat(content !== predicted, `different items: ${what}`, "equal contents", "different ones");
  }
};

const itemsInBatch = 250;

/** Reads a batch in which the known items are twice, among unknown ones. */
const expectInOrder = async (harness: Harness, table: SpecimenTable): Promise<void> => {
  const known = table.putEach("z", "b", "m");
  const removed = table.remove("b");
  await harness.write(known);
  await harness.write([removed]);
  const places = [0, 1, 60, 101, 180, itemsInBatch - 1];
  const batch = Array.from({ length: itemsInBatch }, (_, index) => {
    const place = places.indexOf(index);
    return place < 0 ? table.put(`unknown-${index}`) : (known[place % known.length] as SpecimenChange);
  });
  const [held, contents] = [await harness.read(batch), await harness.canonical(batch)];
  expectEqual([held.length, contents.length], [batch.length, batch.length], "answers of read and canonical");
  const [z, , m] = known.map(({ version }) => version);
  const versions = [z, removed.version, m];
  const expected = batch.map((_, index) => {
    const place = places.indexOf(index);
    return place < 0 ? "unknown" : `${place % 3 === 1 ? "removed" : "live"} ${versions[place % 3]}`;
  });
  const found = held.map((one) => (one === undefined ? "unknown" : `${one.state} ${one.version}`));
  expectEqual(found, expected, `read of ${batch.length} deliveries`);
  for (const place of places) {
    const [alone] = await harness.canonical([batch[place] as SpecimenChange]);
    const what = `canonical of the delivery at position ${place}`;
    expectEqual(contentIn(contents[place], what), contentIn(alone, what), what);
  }
};

/** A message, and how to name it in a failure of the case. */
type Unexpected = readonly [name: string, message: unknown];

const unexpectedMessages = (harness: Harness, table: SpecimenTable): readonly Unexpected[] => {
  const usual = harness.messageOf(table.put("usual"));
  const members = harness.membersOf(table.put("members"));
  const values = unexpectedValues();
  return [
    ...values.flatMap(({ name, value }): Unexpected[] => (value === undefined ? [] : [[`a message: ${name}`, value]])),
    ...members.flatMap((member) =>
      values.map(
        ({ name, value }): Unexpected => [
          `${name} in the member "${member}"`,
          { ...(usual as object), [member]: value },
        ],
      ),
    ),
  ];
};

/** Whether the sink itself rejects the message, so that no request is made. */
const isRejectedHere = async (harness: Harness, table: SpecimenTable, message: unknown): Promise<boolean> => {
  const change = table.put("alone");
  const before = harness.requests();
  await harness.write([change], { replaced: new Map([[change, message]]) });
  return harness.requests() === before;
};

const expectPredicted = async (harness: Harness, table: SpecimenTable): Promise<void> => {
  const messages = unexpectedMessages(harness, table);
  const changes = messages.map((_, index) => table.put(`unexpected-${index}`));
  const replaced = new Map(changes.map((change, index) => [change, messages[index]?.[1]]));
  const predicted = await harness.canonical(changes, { replaced });
  const written = await harness.write(changes, { replaced });
  const held = await harness.read(changes, { replaced });
  for (const [index, change] of changes.entries()) {
    const [name, message] = messages[index] as Unexpected;
    const [one, outcome] = [predicted[index], written.outcomeOf(change)];
    if (outcome === "delivered") {
      expectEqual(contentIn(one, `canonical of ${name}`), contentIn(held[index]?.content, `read of ${name}`), name);
    } else if (one instanceof Error) {
      expectEqual(codeOf(one), outcome, `code of the error of canonical for ${name}`);
      expectThat(!one.message.includes(confidential), `error of canonical for ${name}`, "a value", "no value");
    } else if (await isRejectedHere(harness, table, message)) {
      mismatch(`canonical of ${name}`, "a content", `the error of write: ${outcome}`);
    }
  }
};

/** The cases of contents. */
export const heldContentCases: readonly Case[] = casesFor("upsert", [
  {
    id: "U20",
    name: "equal items have equal contents, and different items have different ones",
    needs: ["read"],
    run: (harness, table) => expectContents(harness, itemsOf(table)),
  },
  {
    id: "U20",
    name: "read and canonical answer each delivery of a large batch in order, also if an item is twice in it",
    needs: ["read"],
    run: expectInOrder,
  },
  {
    id: "U21",
    name: "canonical returns the content, or the error, that a write of unexpected values has",
    needs: ["read"],
    run: expectPredicted,
  },
]);
