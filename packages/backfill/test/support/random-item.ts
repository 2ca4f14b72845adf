// Random items of all attribute types.

import type { AttributeValue, Image } from "@sluice/core/envelope";
import fc from "fast-check";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("", "日本語", "👩‍👩‍👧", 'line\nend "quoted" \\ \u0000\u2028', "é".repeat(300)),
);

const digits = fc.stringMatching(/^[1-9]\d{0,37}$/);

/** Numbers as DynamoDB writes them: without leading zeros and without trailing zeros of a fraction. */
const number = fc.oneof(
  fc.integer().map(String),
  digits,
  digits.map((whole) => `-${whole}`),
  fc.stringMatching(/^0\.\d{0,36}[1-9]$/),
);

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString("base64"));

const setOf = <Value>(member: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> =>
  fc.uniqueArray(member, { minLength: 1, maxLength: 5 });

const scalar: fc.Arbitrary<AttributeValue> = fc.oneof(
  text.map((S) => ({ S })),
  number.map((N) => ({ N })),
  bytes.map((B) => ({ B })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constant({ NULL: true } as const),
  setOf(text).map((SS) => ({ SS })),
  setOf(number).map((NS) => ({ NS })),
  setOf(bytes).map((BS) => ({ BS })),
);

const name = fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), fc.constantFrom(" ", "dotted.name", "日本", "constructor"));

const { value } = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }).map((L) => ({ L })),
    fc.dictionary(name, tie("value"), { maxKeys: 4 }).map((M) => ({ M })),
  ),
}));

/** Attributes of an item besides its key. */
export const attributes: fc.Arbitrary<Image> = fc
  .dictionary(name, value, { maxKeys: 6 })
  .map((image) => Object.fromEntries(Object.entries(image)));
