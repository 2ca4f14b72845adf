// A value arrives, or its delivery is rejected: C23 and C24. No value becomes an empty object or another text.

import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, mismatch } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";
import { failureOf, type WriteOutcomes } from "../write-outcomes.ts";

/** A value, and the text that the target must contain if it takes the value. */
interface Loss {
  readonly name: string;
  readonly value: unknown;
  /** Undefined if no target can hold the value, so that the delivery must be rejected. */
  readonly text: string | undefined;
}

class Hidden {
  readonly #content: string;
  constructor(content: string) {
    this.#content = content;
  }
  content(): string {
    return this.#content;
  }
}

/** Values that `JSON.stringify` writes as `{}`, as null or not at all. `mark` makes the texts unique. */
const emptied = (mark: string): readonly Loss[] => [
  { name: "a Map", value: new Map([["a", `${mark}-map`]]), text: `${mark}-map` },
  { name: "a Map in an object", value: { in: new Map([["a", `${mark}-inner`]]) }, text: `${mark}-inner` },
  { name: "a Set in an array", value: [new Set([`${mark}-set`])], text: `${mark}-set` },
  { name: "a Map whose keys are objects", value: { in: new Map([[{}, 1]]) }, text: undefined },
  { name: "a RegExp", value: { in: /x/ }, text: undefined },
  { name: "an Error", value: { in: new Error("x") }, text: undefined },
  { name: "an object whose content is private", value: { in: new Hidden("x") }, text: undefined },
  { name: "NaN", value: { in: Number.NaN }, text: undefined },
  { name: "a function", value: { in: [() => 1] }, text: undefined },
];

/** Members of JavaScript's objects. An assignment to `__proto__` would set the prototype. */
const namesakes = (mark: string): readonly Loss[] =>
  ["__proto__", "constructor", "toString", "hasOwnProperty", "toJSON"].map((name) => {
    const text = `${mark}-${name}`;
    return { name: `a member ${name}`, value: Object.fromEntries([[name, text]]), text };
  });

/** Texts that UTF-8 cannot hold. In the target's content as JSON, the half is an escape. */
const halves = (mark: string): readonly Loss[] => [
  { name: "half of a surrogate pair", value: `${mark}-a\ud83d`, text: `${mark}-a\\ud83d` },
  { name: "the other half", value: `\udc69${mark}-b`, text: `\\udc69${mark}-b` },
  { name: "a half in an object", value: { in: [`${mark}-c\ud83d`] }, text: `${mark}-c\\ud83d` },
  { name: "a half in a name", value: { [`${mark}-d\ud83d`]: 1 }, text: `${mark}-d\\ud83d` },
  { name: "a half in a Set", value: new Set([`${mark}-e\ud83d`]), text: `${mark}-e\\ud83d` },
];

/** The content of the target. A value that the target stores as JSON text has more backslashes, which are removed. */
const heldOrFail = async (harness: Harness): Promise<string> => {
  try {
    return (await harness.heldText()).replace(/\\+/g, "\\");
  } catch (error) {
    return mismatch("reading the target", String(error), "its content: a sink must not send what no reader can read");
  }
};

/** Checks a delivery with this value: rejected, with the member's name in the error, or held exactly. */
const expectKept = (written: WriteOutcomes, change: SpecimenChange, held: string, loss: Loss, member: string): void => {
  const subject = `outcome of ${loss.name} in the member "${member}"`;
  const failure = failureOf(written, change);
  if (failure === undefined) {
    const { text } = loss;
    const expected = text === undefined ? "a rejection" : `a rejection, or the text ${text} in the target`;
    expectThat(text !== undefined && held.includes(text), subject, written.outcomeOf(change), expected);
    return;
  }
  expectEqual(failure, "reject", subject);
};

/** Writes each value in each member of a usual message. */
const expectEachKept = async (
  harness: Harness,
  losses: (mark: string) => readonly Loss[],
  { members, namesMember = false }: { readonly members: readonly string[]; readonly namesMember?: boolean },
): Promise<void> => {
  const table = specimenTable();
  for (const member of members) {
    const values = losses(`kept-${member}`);
    const changes = values.map((_, index) => table.put(`${member}-${index}`));
    const replaced = new Map(
      changes.map((change, index) => [
        change,
        { ...(harness.messageOf(change) as object), [member]: values[index]?.value },
      ]),
    );
    const written = await harness.write(changes, { replaced });
    const held = await heldOrFail(harness);
    for (const [index, change] of changes.entries()) {
      expectKept(written, change, held, values[index] as Loss, member);
    }
    if (!namesMember) continue;
    const silent = written.errors.filter(({ message }) => !message.includes(member));
    expectEqual(silent.length, 0, `errors that do not name the member "${member}"`);
  }
};

/** The cases of values that are easily lost. */
export const lossCases: readonly Case[] = [
  {
    id: "C23",
    name: "a value that JSON.stringify would empty arrives, or its delivery is rejected",
    run: async (harness, table) =>
      expectEachKept(harness, emptied, { members: harness.membersOf(table.put("members")) }),
  },
  {
    id: "C23",
    name: "a value with a member named __proto__, constructor or toString arrives, or its delivery is rejected",
    run: async (harness, table) => {
      const members = Object.keys(harness.messageOf(table.put("members")) as object);
      await expectEachKept(harness, namesakes, { members });
    },
  },
  {
    id: "C24",
    name: "half of a surrogate pair in a member arrives, or its delivery is rejected by an error that names the member",
    run: async (harness, table) =>
      expectEachKept(harness, halves, { members: harness.membersOf(table.put("members")), namesMember: true }),
  },
  {
    id: "C24",
    name: "half of a surrogate pair in an item's key arrives, or its delivery is rejected",
    run: async (harness, table) => {
      const change = table.put("key\ud83d");
      const [before, after] = table.putEach("before", "after") as readonly [SpecimenChange, SpecimenChange];
      const written = await harness.write([before, change, after]);
      for (const usual of [before, after]) {
        expectEqual(written.outcomeOf(usual), "delivered", "outcome of a usual delivery beside such a key");
      }
      const loss = { name: "half of a surrogate pair", value: undefined, text: "key\\ud83d" };
      expectKept(written, change, await heldOrFail(harness), loss, "key");
    },
  },
];
