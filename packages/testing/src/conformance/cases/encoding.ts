// No message makes `write` throw, whatever values it contains: C22.

import type { AttributeValue, StreamRecord } from "@sluice/core/sink-kit";
import type { SpecimenTable } from "../../records/specimen.ts";
import { confidential } from "../../records/specimen.ts";
import { type UnexpectedValue, unexpectedValues } from "../../records/unexpected-values.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, mismatch } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";
import { failureOf, type WriteOutcomes } from "../write-outcomes.ts";

/** A message to write, and how to name it in a failure of the case. */
interface Unexpected {
  readonly name: string;
  readonly message: unknown;
}

const writeUnexpected = async (
  harness: Harness,
  changes: readonly SpecimenChange[],
  replaced: ReadonlyMap<SpecimenChange, unknown>,
  subject: string,
): Promise<WriteOutcomes> => {
  try {
    return await harness.write(changes, { replaced });
  } catch (error) {
    const found = error instanceof Error ? error.message : "a value that is not an Error";
    return mismatch(`write with ${subject}`, found, "a result for each delivery");
  }
};

const expectRejectedOrArrived = (written: WriteOutcomes, change: SpecimenChange, name: string): void => {
  const isRetried = failureOf(written, change) === "retry";
  const expected = "delivered, or a code that rejects: a repeat has the same message";
  expectThat(!isRetried, `outcome of ${name}`, written.outcomeOf(change), expected);
};

/** Writes these messages in one call, between two usual deliveries. */
const expectApart = async (harness: Harness, table: SpecimenTable, messages: readonly Unexpected[]): Promise<void> => {
  const [first, last] = table.putEach("first", "last") as readonly [SpecimenChange, SpecimenChange];
  const changes = messages.map((_, index) => table.put(`unexpected-${index}`));
  const replaced = new Map(changes.map((change, index) => [change, messages[index]?.message]));
  const subject = messages.length === 1 ? String(messages[0]?.name) : `${messages.length} unexpected messages`;
  const written = await writeUnexpected(harness, [first, ...changes, last], replaced, subject);
  for (const usual of [first, last]) {
    expectEqual(written.outcomeOf(usual), "delivered", `outcome of a usual delivery beside ${subject}`);
  }
  for (const [index, change] of changes.entries()) {
    expectRejectedOrArrived(written, change, String(messages[index]?.name));
  }
  const leaks = written.errors.filter((error) => `${error.name} ${error.message}`.includes(confidential));
  expectEqual(leaks.length, 0, `errors that quote a value, of ${subject}`);
};

/** Writes all messages in one call. If the case fails, writes each by itself, so that the failure names the message. */
const expectEach = async (harness: Harness, table: SpecimenTable, messages: readonly Unexpected[]): Promise<void> => {
  try {
    await expectApart(harness, table, messages);
  } catch (error) {
    for (const message of messages) await expectApart(harness, table, [message]);
    throw error;
  }
};

/** Returns an attribute value of 8,000 levels. DynamoDB allows 32, so only a forged message can contain it. */
const deepValue = (): AttributeValue => {
  let value: AttributeValue = { S: confidential };
  for (let level = 0; level < 8_000; level += 1) value = { M: { a: value } };
  return value;
};

const withDeep = ({ record }: SpecimenChange, image: "Keys" | "NewImage" | "OldImage"): StreamRecord => {
  const { dynamodb = {} } = record;
  const name = image === "Keys" ? "sk" : "payload";
  return { ...record, dynamodb: { ...dynamodb, [image]: { ...dynamodb[image], [name]: deepValue() } } };
};

/** Redrives two records and, between them, records with deep images. Expects only those to stay in the queue. */
const expectDeepApart = async (harness: Harness, table: SpecimenTable, mapper: "of the rig" | "of the sink") => {
  const [first, deepItem, deepKey, removed, last] = table.putEach("first", "item", "key", "removed", "last");
  if (!first || !deepItem || !deepKey || !removed || !last) return mismatch("changes", "fewer", "five changes");
  const records = [first.record, withDeep(deepItem, "NewImage"), withDeep(deepKey, "Keys"), last.record];
  // The removal of an item needs no image, except of a sink whose target key depends on it.
  const removal = harness.writes === "upsert" ? [withDeep(table.remove("removed"), "OldImage")] : [];
  const left = await harness.redrive([...records, ...removal], mapper);
  const failed = left.filter((position) => position < records.length);
  expectEqual(failed, [1, 2], `positions of rejected messages, with the mapper ${mapper}`);
  return [first, last];
};

/** The cases of messages with unexpected values. */
export const encodingCases: readonly Case[] = [
  {
    id: "C22",
    name: "messages with an unexpected value in a member fail alone, or arrive",
    run: async (harness, table) => {
      const members = harness.membersOf(table.put("members"));
      expectThat(members.length > 0, "members of a message", members.length, "at least one, or a reason in skip.C22");
      for (const member of members) {
        const withValue = ({ name, value }: UnexpectedValue): Unexpected => {
          const usual = harness.messageOf(table.put("usual")) as object;
          return { name: `${name} in the member "${member}"`, message: { ...usual, [member]: value } };
        };
        await expectEach(harness, table, unexpectedValues().map(withValue));
      }
    },
  },
  {
    id: "C22",
    name: "messages that are unexpected values fail alone, or arrive",
    run: async (harness, table) => {
      const messages = unexpectedValues().map(({ name, value }) => ({ name: `a message: ${name}`, message: value }));
      await expectEach(harness, table, messages);
    },
  },
  {
    id: "C22",
    name: "a forged record with 8,000 levels in its item or key is rejected alone",
    run: async (harness, table) => {
      const written = await expectDeepApart(harness, table, "of the rig");
      await harness.expectHeld(written, "allowed");
      if (harness.mapsItself) await expectDeepApart(harness, table, "of the sink");
    },
  },
];
