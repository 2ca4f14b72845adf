import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { describe, expect, test } from "@jest/globals";
import type { UnknownItem } from "@sluice/core";
import { type AttributeValue, type Change, decodeValue, sdkItem, type UpsertDelivery } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import fc from "fast-check";
import { compileEncode, type DeliveryWrites, guarded, type ItemWrite } from "../src/encode.ts";
import { attributeValues, type DynamodbSinkOptions } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";
import type { TargetTable } from "../src/schema/table.ts";
import { compileKeys } from "../src/write/key.ts";
import { AttributeValueError, marshalItem, marshalValue } from "../src/write/marshal.ts";

const arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/target";
const targetOf = (keys: Readonly<Record<string, "S" | "N" | "B">>): TargetTable => ({
  arn,
  keys: Object.entries(keys).map(([name, type]) => ({ name, type })),
  regions: [],
});

const now = 1_767_323_045_678;
const settingsOf = (options: Partial<DynamodbSinkOptions> = {}) =>
  checkOptions({ table: "target", now: () => now, tombstoneDays: 40, ...options });

const deliveryOf = (change: Change, message: unknown, earlier: readonly Change[] = []): UpsertDelivery<unknown> => ({
  change,
  message,
  earlier,
});

const encodeWith = (
  options: Partial<DynamodbSinkOptions>,
  keys: Readonly<Record<string, "S" | "N" | "B">>,
  delivery: UpsertDelivery<unknown>,
): DeliveryWrites => {
  const settings = settingsOf(options);
  return compileEncode(settings, compileKeys(settings, targetOf(keys)).keysOf)(delivery);
};

/** The item of a delivery. Throws if the delivery has no valid item. */
const itemOf = ({ item }: DeliveryWrites): ItemWrite => {
  if (item === undefined || item instanceof Error) throw new Error("the delivery has no item");
  return item;
};

const errorOf = (run: () => unknown): Error & { readonly code?: string } => {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
};

const insert = (after: Readonly<Record<string, unknown>>, position = 1): Change => streamChange({ after, position });
const modify = (
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  position: number,
) => streamChange({ before, after, position });

describe("values", () => {
  const decimal = fc
    .tuple(fc.boolean(), fc.bigInt({ min: 1n, max: 10n ** 38n - 1n }), fc.integer({ min: 0, max: 37 }))
    .map(([isNegative, digits, places]) => {
      const text = digits.toString().padStart(places + 1, "0");
      const whole = text.slice(0, text.length - places);
      const fraction = text.slice(text.length - places).replace(/0+$/, "");
      return `${isNegative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
    });
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom("__proto__", "constructor", "toJSON", "toAttributeValue", "S", "N", "M"),
  );
  const binary = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64"));
  const unique = <Value>(value: fc.Arbitrary<Value>) => fc.uniqueArray(value, { minLength: 1, maxLength: 4 });
  const { value } = fc.letrec<{ value: AttributeValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string().map((S) => ({ S })),
      decimal.map((N) => ({ N })),
      binary.map((B) => ({ B })),
      fc.boolean().map((BOOL) => ({ BOOL })),
      fc.constant({ NULL: true as const }),
      unique(fc.string()).map((SS) => ({ SS })),
      unique(decimal).map((NS) => ({ NS })),
      unique(binary).map((BS) => ({ BS })),
      fc.array(tie("value"), { maxLength: 4 }).map((L) => ({ L })),
      fc.uniqueArray(fc.tuple(name, tie("value")), { maxLength: 4, selector: ([key]) => key }).map((entries) => ({
        M: Object.fromEntries(entries),
      })),
    ),
  }));

  test("from a decoded image become the record's attribute values again", () => {
    fc.assert(
      fc.property(value, (given) => {
        const found = marshalValue(decodeValue(given));
        expect(asText(found)).toBe(asText(asNumbersAre(sdkItem({ given }).given as never)));
      }),
      { numRuns: 1_000 },
    );
  });

  const asText = (found: unknown): string =>
    JSON.stringify(found, (_name, held) => (held instanceof Uint8Array ? Buffer.from(held).toString("base64") : held));

  /** Replaces each number's text by the text of the decoded number, because `1e+21` and `1E21` are equal numbers. */
  const asNumbersAre = (given: Record<string, never>): unknown => {
    const [type, held] = Object.entries(given)[0] as [string, never];
    const asDecoded = (text: string): string => String(decodeValue({ N: text }));
    if (type === "N") return { N: asDecoded(held) };
    if (type === "NS") return { NS: [...new Set((held as string[]).map(asDecoded))] };
    if (type === "L") return { L: (held as never[]).map(asNumbersAre) };
    if (type !== "M") return given;
    return { M: Object.fromEntries(Object.entries(held).map(([key, one]) => [key, asNumbersAre(one as never)])) };
  };

  test("of 32 levels are not flattened", () => {
    let deep: AttributeValue = { S: "bottom" };
    for (let level = 0; level < 31; level += 1) deep = level % 2 === 0 ? { L: [deep] } : { M: { level: deep } };
    expect(marshalValue(decodeValue(deep))).toEqual(deep);
  });

  test("keep the name __proto__", () => {
    const item = JSON.parse('{"__proto__":{"__proto__":1}}') as Record<string, unknown>;
    expect(JSON.stringify(marshalItem(item))).toBe('{"__proto__":{"M":{"__proto__":{"N":"1"}}}}');
  });

  test("of every native type are converted", () => {
    expect(
      marshalItem({
        big: 12345678901234567890n,
        exact: new NumberValueImpl("12345678901234567890123456789012345678"),
        edge: 2 ** 53,
        map: new Map([["a", 1]]),
        bare: Object.assign(Object.create(null) as object, { a: true }),
        gone: undefined,
        empty: "",
        nothing: null,
        looksLikeOne: { toAttributeValue: 1 },
      }),
    ).toEqual({
      big: { N: "12345678901234567890" },
      exact: { N: "12345678901234567890123456789012345678" },
      edge: { N: "9007199254740992" },
      map: { M: { a: { N: "1" } } },
      bare: { M: { a: { BOOL: true } } },
      empty: { S: "" },
      nothing: { NULL: true },
      looksLikeOne: { M: { toAttributeValue: { N: "1" } } },
    });
  });

  test.each([
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["a date", new Date(0)],
    ["a function", () => 1],
    ["a symbol", Symbol("secret")],
    ["an empty set", new Set()],
    ["a set of two types", new Set(["secret", 1])],
    ["a set of lists", new Set([[1]])],
    ["undefined in a list", [undefined]],
  ])("that DynamoDB has no type for are refused: %s", (_what, one) => {
    const error = errorOf(() => marshalItem({ outer: { inner: one } }));
    expect(error).toBeInstanceOf(AttributeValueError);
    expect((error as AttributeValueError).path.slice(0, 2)).toEqual(["outer", "inner"]);
    expect(error.message).not.toContain("secret");
  });
});

describe("an item with a fixed key", () => {
  const keys = { pk: "S", sk: "S" } as const;
  const item = { pk: "a", sk: "1", total: 5 };

  test("has the item's own key, its message and the version in one map", () => {
    const change = insert(item);
    const write = itemOf(encodeWith({}, keys, deliveryOf(change, change.after)));
    expect(guarded(settingsOf(), write)).toEqual({
      pk: { S: "a" },
      sk: { S: "1" },
      total: { N: "5" },
      _sluice: { M: { v: { S: change.version } } },
    });
  });

  test("becomes a tombstone with a TTL when it is removed", () => {
    const change = streamChange({ before: item });
    const writes = encodeWith({ guardAttribute: "g", ttlAttribute: "expiresAt" }, keys, deliveryOf(change, undefined));
    const settings = settingsOf({ guardAttribute: "g", ttlAttribute: "expiresAt" });
    expect(guarded(settings, itemOf(writes))).toEqual({
      pk: { S: "a" },
      sk: { S: "1" },
      expiresAt: { N: String(Math.floor(now / 1000) + 40 * 86_400) },
      g: { M: { v: { S: change.version }, removed: { BOOL: true } } },
    });
    expect(writes.tombstones).toEqual([]);
  });

  test("is rejected if the message has the guard's attribute, which would be lost", () => {
    const change = insert(item);
    const { item: error } = encodeWith({}, keys, deliveryOf(change, { ...item, _sluice: "mine" }));
    expect(error).toMatchObject({ code: "SINK_REJECTED" });
    expect((error as Error).message).toContain("the message at _sluice: found an attribute that the sink sets itself");
    const write = itemOf(encodeWith({ guardAttribute: "g" }, keys, deliveryOf(change, { ...item, _sluice: "mine" })));
    expect(write.attributes._sluice).toEqual({ S: "mine" });
  });

  test.each<[string, unknown]>([
    ["note", { note: "\ud83d" }],
    ["tags", { tags: new Set(["\udc00"]) }],
    ["list.0.text", { list: [{ text: "a\ud83d" }] }],
    ["map.\ufffd", { map: { "\ud83d": 1 } }],
  ])("is rejected for half of a surrogate pair at %s", (path, message) => {
    const { item: error } = encodeWith({}, keys, deliveryOf(insert(item), message));
    expect(error).toMatchObject({ code: "SINK_REJECTED" });
    expect((error as Error).message).toContain(`the message at ${path}: found half of a surrogate pair`);
  });

  test("may have renamed key attributes, which an object of target name to source name defines", () => {
    const change = insert(item);
    const write = itemOf(
      encodeWith({ key: { id: "pk", kind: "sk" } }, { id: "S", kind: "S" }, deliveryOf(change, { total: 5 })),
    );
    expect(write.attributes).toEqual({ id: { S: "a" }, kind: { S: "1" }, total: { N: "5" } });
  });

  test("may have a key that a function creates from the item's key", () => {
    const change = insert(item);
    const key = ({ pk, sk }: Change["keys"]) => ({ id: `${pk}/${sk}` });
    expect(itemOf(encodeWith({ key }, { id: "S" }, deliveryOf(change, { total: 5 }))).key).toEqual({
      id: { S: "a/1" },
    });
  });

  test("copies attribute values directly from the record", () => {
    const change = insert({ ...item, bytes: new Set([Uint8Array.from([1])]) });
    const message = attributeValues(change.record.dynamodb?.NewImage ?? {});
    const { attributes } = itemOf(encodeWith({}, keys, deliveryOf(change, message)));
    expect(attributes).toEqual({
      pk: { S: "a" },
      sk: { S: "1" },
      total: { N: "5" },
      bytes: { BS: [Uint8Array.from([1])] },
    });
  });

  test("is rejected when its message has another key, and the error contains no values", () => {
    const { item: found } = encodeWith({}, keys, deliveryOf(insert(item), { ...item, pk: "secret" }));
    expect(found).toMatchObject({ code: "SINK_REJECTED", message: expect.stringContaining("at pk") });
    expect(String(found)).not.toContain("secret");
  });

  test("is rejected when it cannot be encoded, but its former key still gets a tombstone", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const thrower = () => {
      throw new Error("secret");
    };
    const getter = Object.defineProperty({}, "a", { enumerable: true, get: thrower });
    const [before, after] = [{ ...item, total: 1 }, item];
    const change = streamChange({ before, after });
    for (const message of [cyclic, getter, attributeValues({ a: { S: cyclic as never } }), new Map()]) {
      const options = { movingKey: ({ total }: UnknownItem) => ({ id: String(total) }) };
      const { item: found, tombstones } = encodeWith(options, { id: "S" }, deliveryOf(change, message));
      expect(found).toMatchObject({ code: expect.stringMatching(/SINK_REJECTED|RECORD_MALFORMED/) });
      expect(String(found)).not.toContain("secret");
      expect(tombstones.map(({ key }) => key)).toEqual([{ id: { S: "1" } }]);
    }
  });

  test.each([[5], ["text"], [null], [[1]], [new Set([1])]])(
    "is rejected when its message is no item: %j",
    (message) => {
      expect(encodeWith({}, keys, deliveryOf(insert(item), message)).item).toMatchObject({ code: "SINK_REJECTED" });
    },
  );
  test('throws a ConfigError when option "key" names no key attribute of the item, because no table would fit', () => {
    const error = errorOf(() => encodeWith({ key: { id: "total" } }, { id: "S" }, deliveryOf(insert(item), item)));
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining('option "key"') });
  });

  const badKeys: readonly (readonly [
    string,
    Partial<DynamodbSinkOptions>,
    Readonly<Record<string, "S" | "N" | "B">>,
  ])[] = [
    ["the target lacks a key attribute of the item", {}, { pk: "S" }],
    ["the item lacks a key attribute of the target", {}, { id: "S" }],
    ["the types differ", {}, { pk: "S", sk: "N" }],
    ["the list is not the target's key", { key: ["pk"] }, { pk: "S", sk: "S" }],
    ["the function returns other attributes", { key: () => ({ id: "1", x: "2" }) }, { id: "S" }],
  ];
  test.each(badKeys)(
    "waits as for a missing table when %s, so that nothing is dead-lettered and other routes go on",
    (_what, options, columns) => {
      const error = errorOf(() => encodeWith(options, columns, deliveryOf(insert(item), item)));
      expect(error).toMatchObject({ code: "SINK_MISSING", message: expect.stringContaining('option "key"') });
    },
  );

  test.each([
    ["the default", undefined, { pk: "S", sk: "S" }, false],
    ["a list of the whole key", ["sk", "pk"], { pk: "S", sk: "S" }, false],
    ["an object of the whole key", { id: "pk", kind: "sk" }, { id: "S", kind: "S" }, false],
    ["a list without an attribute of the item's key", ["pk"], { pk: "S" }, true],
    ["an object that uses one attribute twice", { id: "pk", kind: "pk" }, { id: "S", kind: "S" }, true],
    ["a function", ({ pk, sk }: Change["keys"]) => ({ id: `${pk}/${sk}` }), { id: "S" }, true],
  ] as const)("has an owner only if two items could have one target key: %s", (_what, key, columns, hasOwner) => {
    const { owner } = itemOf(encodeWith({ ...(key && { key }) }, columns, deliveryOf(insert(item), { total: 5 })));
    expect(owner !== undefined).toBe(hasOwner);
  });

  describe("with a number in its key", () => {
    const numbers = ["1e21", "-1e21", "1000000000000000000000", "1E-7", "0.0000001", "5", "0.5", "-0", "1.50"];
    const exact = "12345678901234567890123456789012345678";

    test.each([...numbers, exact])("accepts the same number in another spelling: %s", (text) => {
      const change = streamChange({ after: { pk: "a", n: new NumberValueImpl(text) }, keyNames: ["pk", "n"] });
      for (const message of [
        change.after,
        { ...change.after },
        { n: Number(text) },
        { n: new NumberValueImpl(`${text}0`.includes(".") ? `${text}0` : text) },
      ]) {
        if (text === exact && typeof message?.n === "number") continue;
        const { item: found } = encodeWith({}, { pk: "S", n: "N" }, deliveryOf(change, message));
        expect(found).toMatchObject({ isRemoved: false });
      }
    });

    test("rejects a number that a double cannot distinguish from the key's number", () => {
      const change = streamChange({ after: { pk: "a", n: new NumberValueImpl(exact) }, keyNames: ["pk", "n"] });
      const other = { n: new NumberValueImpl(`${exact.slice(0, -1)}9`) };
      expect(encodeWith({}, { pk: "S", n: "N" }, deliveryOf(change, other)).item).toMatchObject({
        code: "SINK_REJECTED",
      });
    });

    test("leaves no tombstone at its own key when only the spelling of a moving key changes", () => {
      const movingKey = ({ isExact }: Readonly<Record<string, unknown>>) => ({
        at: isExact === true ? 10n ** 21n : 1e21,
      });
      const [before, after] = [item, { ...item, isExact: true }];
      const writes = encodeWith({ movingKey }, { at: "N" }, deliveryOf(modify(before, after, 2), {}));
      expect(writes.tombstones).toEqual([]);
    });
  });

  const throwing = (): never => {
    throw new TypeError("secret");
  };
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const hostile: readonly (readonly [string, unknown])[] = [
    ["nested 9,000 levels deep", { x: Array.from({ length: 9_000 }).reduce((inner) => [inner], "x") }],
    ["that contains itself", { x: cyclic }],
    ["whose member throws", Object.defineProperty({}, "x", { enumerable: true, get: throwing })],
    ["with an attribute value that is null", attributeValues({ x: null } as never)],
    ["with an attribute value that is a number", attributeValues({ x: 5 } as never)],
    ["with a list that is no list", attributeValues({ x: { L: "abc" } } as never)],
  ];
  test.each(hostile)("is rejected when its message is one %s", (_what, message) => {
    const { item: found } = encodeWith({}, keys, deliveryOf(insert(item), message));
    expect(found).toMatchObject({
      code: expect.stringMatching(/SINK_REJECTED|RECORD_MALFORMED/),
      message: expect.not.stringContaining("secret"),
    });
  });

  test("fails without effect on other items when the function throws, or returns a value that is not a key", () => {
    const encode = (key: () => never) =>
      errorOf(() => encodeWith({ key }, { id: "S" }, deliveryOf(insert(item), item)));
    const thrown = encode(() => {
      throw new TypeError("secret");
    });
    expect(thrown).toMatchObject({ code: "MAPPING_FAILED", message: expect.not.stringContaining("secret") });
    for (const id of [undefined, 5, true, null]) {
      expect(encode(() => ({ id }) as never)).toMatchObject({ code: "SINK_REJECTED" });
    }
  });
});

describe("an item with a key that moves", () => {
  const keys = { email: "S" } as const;
  const options: Partial<DynamodbSinkOptions> = {
    movingKey: ({ email }) => (email === undefined ? undefined : { email: String(email) }),
  };
  const at = (email: string | undefined) => ({ pk: "a", sk: "1", ...(email !== undefined && { email }) });
  const encode = (delivery: UpsertDelivery<unknown>): DeliveryWrites => encodeWith(options, keys, delivery);
  const left = ({ tombstones }: DeliveryWrites) => tombstones.map(({ key }) => (key.email as { S: string }).S).sort();

  test("leaves a tombstone at its old key", () => {
    const change = modify(at("old"), at("new"), 2);
    const writes = encode(deliveryOf(change, change.after));
    expect(itemOf(writes).key).toEqual({ email: { S: "new" } });
    expect(writes.tombstones).toEqual([
      expect.objectContaining({ version: change.version, isRemoved: true, owner: itemOf(writes).owner }),
    ]);
    expect(left(writes)).toEqual(["old"]);
  });

  test("leaves a tombstone at every earlier key, but not at its last key", () => {
    const earlier = [
      insert(at("a")),
      modify(at("a"), at("b"), 2),
      modify(at("b"), at("c"), 3),
      modify(at("c"), at("a"), 4),
    ];
    const change = modify(at("a"), at("b"), 5);
    expect(left(encode(deliveryOf(change, change.after, earlier)))).toEqual(["a", "c"]);
  });

  test("is removed at every key after a remove", () => {
    const change = streamChange({ before: at("b"), position: 3 });
    const writes = encode(deliveryOf(change, undefined, [insert(at("a")), modify(at("a"), at("b"), 2)]));
    expect(writes.item).toBeUndefined();
    expect(left(writes)).toEqual(["a", "b"]);
  });

  test("has no old copy to remove if the function returned no key", () => {
    const change = streamChange({ before: at(undefined) });
    expect(encode(deliveryOf(change, undefined))).toEqual({ item: undefined, tombstones: [] });
  });

  test("is rejected when it has a message and no key", () => {
    const error = errorOf(() => encode(deliveryOf(insert(at(undefined)), { total: 1 })));
    expect(error).toMatchObject({ code: "SINK_REJECTED", message: expect.stringContaining('"movingKey"') });
  });

  test("is removed at its old key even if its message is rejected", () => {
    const writes = encode(deliveryOf(modify(at("old"), at("new"), 2), { bad: Number.NaN }));
    expect(writes.item).toMatchObject({ code: "SINK_REJECTED" });
    expect(left(writes)).toEqual(["old"]);
  });

  test.each([["NEW_IMAGE"], ["KEYS_ONLY"]] as const)("is refused under the view type %s", (viewType) => {
    const change = streamChange({ before: at("old"), after: at("new"), viewType });
    const error = errorOf(() => encode(deliveryOf(change, { total: 1 })));
    expect(error).toMatchObject({ code: "RECORD_INCOMPLETE", message: expect.stringContaining("NEW_AND_OLD_IMAGES") });
  });

  test("needs no old image for an insert", () => {
    const change = streamChange({ after: at("new"), viewType: "NEW_IMAGE" });
    expect(itemOf(encode(deliveryOf(change, change.after))).key).toEqual({ email: { S: "new" } });
  });
});
