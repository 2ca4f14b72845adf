// No message makes `write` throw, whatever values it contains: C22.

import type { SpecimenTable } from "../../records/specimen.ts";
import { confidential } from "../../records/specimen.ts";
import { unexpectedValues } from "../../records/unexpected-values.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, mismatch } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";
import { failureOf, type WriteOutcomes } from "../write-outcomes.ts";

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

/** Writes a delivery with this message between two usual deliveries. */
const expectAlone = async (harness: Harness, table: SpecimenTable, subject: string, message: unknown) => {
  const changes = table.putEach("first", "unexpected", "last");
  const [first, unexpected, last] = changes as readonly [SpecimenChange, SpecimenChange, SpecimenChange];
  const written = await writeUnexpected(harness, changes, new Map([[unexpected, message]]), subject);
  for (const usual of [first, last]) {
    expectEqual(written.outcomeOf(usual), "delivered", `outcome of a usual delivery beside ${subject}`);
  }
  const isRetried = failureOf(written, unexpected) === "retry";
  const expected = "delivered, or a code that rejects: a repeat has the same message";
  expectThat(!isRetried, `outcome of ${subject}`, written.outcomeOf(unexpected), expected);
  const leaks = written.errors.filter((error) => `${error.name} ${error.message}`.includes(confidential));
  expectEqual(leaks.length, 0, `errors that quote a value, of ${subject}`);
};

/** The cases of messages with unexpected values. */
export const encodingCases: readonly Case[] = [
  {
    id: "C22",
    name: "a message with an unexpected value in a member fails alone, or arrives",
    run: async (harness, table) => {
      const members = harness.membersOf(table.put("members"));
      expectThat(members.length > 0, "members of a message", members.length, "at least one, or a reason in skip.C22");
      for (const member of members) {
        for (const { name, value } of unexpectedValues()) {
          const usual = harness.messageOf(table.put("usual")) as object;
          await expectAlone(harness, table, `${name} in the member "${member}"`, { ...usual, [member]: value });
        }
      }
    },
  },
  {
    id: "C22",
    name: "a message that is an unexpected value fails alone, or arrives",
    run: async (harness, table) => {
      for (const { name, value } of unexpectedValues()) {
        await expectAlone(harness, table, `a message that is ${name}`, value);
      }
    },
  },
];
