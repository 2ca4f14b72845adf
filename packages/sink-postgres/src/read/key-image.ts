// Builds the key of a source item from the key columns of its row: the inverse of option `key`.

import {
  type AttributeValue,
  canonicalDecimal,
  type Image,
  itemKeyOf,
  type KeysRequest,
  ownerOf,
} from "@sluice/core/sink-kit";
import { proofProblem } from "../write/key-proof.ts";
import type { WritePlan } from "../write/plan.ts";
import type { WrittenColumn } from "../write/written-columns.ts";
import { textOf } from "./cell-text.ts";

type KeyTypes = KeysRequest["keyTypes"];
type KeyType = KeyTypes[string];

/** The texts of the key columns by `sourceText`, and the owner that the guard stores. */
export interface KeyTexts {
  readonly owner?: string | null;
  readonly [column: `k${number}`]: string | null;
}

/** Returns the SQL of a key column as DynamoDB writes the attribute: a number without zeros at the end, binary as base64. */
export const sourceText = (column: WrittenColumn, cell: string): string => {
  if (column.baseType === "bytea") return `translate(encode(${cell}, 'base64'), E'\\n', '')`;
  return textOf(column, cell);
};

const numericTypes = /^(numeric|smallint|integer|bigint)$/;

/** Whether the column stores the text of the attribute as the item spells it, apart from spaces at the end. */
const keepsSpelling = ({ baseType, codec }: WrittenColumn, type: KeyType): boolean => {
  if (codec === "text") return !/^(bpchar|character)(\[\])*$/.test(baseType);
  return (type === "N" && numericTypes.test(baseType)) || (type === "B" && baseType === "bytea");
};

const plainNumber = /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/;

/** The usual keys: whole numbers within the precision of DynamoDB. */
const wholeNumber = /^-?[1-9]\d{0,37}$/;

/** Whether DynamoDB has this number, in this spelling. */
const isNumber = (text: string): boolean => {
  if (wholeNumber.test(text)) return true;
  if (!plainNumber.test(text) || text === "-0") return false;
  const [digits = "", exponent = "0"] = canonicalDecimal(text).replace("-", "").split("e");
  return digits.length <= 38 && Number(exponent) + digits.length <= 126 && Number(exponent) >= -130;
};

const mostKeyBytes = 2_048;

const isText = (text: string): boolean => text !== "" && Buffer.byteLength(text) <= mostKeyBytes;

/** Returns the key attribute that a text is; undefined if no item can have it. */
const attributeOf = (type: KeyType, text: string): AttributeValue | undefined => {
  if (type === "N") return isNumber(text) ? { N: text } : undefined;
  if (!isText(text)) return undefined;
  if (type === "S") return { S: text };
  return Buffer.from(text, "base64").toString("base64") === text ? { B: text } : undefined;
};

/** Returns the usual spellings of a time of which Postgres keeps only the value. */
const timeSpellings = (text: string): string[] => {
  const [whole = "", fraction = ""] = text.split(".");
  const spelled = [text, `${whole}.${fraction.padEnd(3, "0")}`, `${whole}.${fraction.padEnd(6, "0")}`];
  return ["Z", "+00:00", ""].flatMap((zone) => spelled.map((one) => one + zone));
};

/** Returns the texts that an item's attribute may have had. The owner tells which one is right. */
const spellings = ({ baseType }: WrittenColumn, text: string): string[] => {
  if (baseType === "uuid") return [text, text.toUpperCase()];
  return baseType.startsWith("timestamp") ? timeSpellings(text) : [text];
};

interface KeySource {
  readonly attribute: string;
  readonly type: KeyType;
  readonly column: WrittenColumn;
  readonly index: number;
}

/** Returns the column from which each key attribute is read; undefined if an attribute fills no column. */
const sourcesOf = ({ indexed, shared }: WritePlan, keyTypes: KeyTypes): readonly KeySource[] | undefined => {
  const { sources } = shared.mapping;
  if (sources === undefined || [...sources.values()].some((attribute) => !Object.hasOwn(keyTypes, attribute))) {
    return undefined;
  }
  const found = Object.entries(keyTypes).map(([attribute, type]): KeySource | undefined => {
    const filled = indexed.flatMap((column, index) =>
      sources.get(column.name) === attribute ? [{ attribute, type, column, index }] : [],
    );
    return filled.find(({ column }) => keepsSpelling(column, type)) ?? filled[0];
  });
  return found.every((source) => source !== undefined) ? found : undefined;
};

/** Returns the key that a row's item has if the columns keep its spelling; undefined if no item can have it. */
const keptImage = (sources: readonly KeySource[], row: KeyTexts): Image | undefined => {
  const image: Record<string, AttributeValue> = {};
  for (const { attribute, type, index } of sources) {
    const value = attributeOf(type, row[`k${index}`] ?? "");
    if (value === undefined) return undefined;
    image[attribute] = value;
  }
  return image;
};

/** Returns the keys that a row's item may have. */
const candidates = (sources: readonly KeySource[], row: KeyTexts): readonly Image[] => {
  let images: readonly Image[] = [{}];
  for (const { attribute, type, column, index } of sources) {
    const values = spellings(column, row[`k${index}`] ?? "").flatMap((text) => attributeOf(type, text) ?? []);
    images = images.flatMap((image) => values.map((value) => ({ ...image, [attribute]: value })));
  }
  return images;
};

/**
 * Creates the function that returns the key of a row's item; undefined if the row does not tell it. If two items may have
 * one row, the key must match the owner. A row without an owner tells a key whose spelling the columns keep.
 */
export const compileKeyImage = (plan: WritePlan, keyTypes: KeyTypes): ((row: KeyTexts) => Image | undefined) => {
  const sources = sourcesOf(plan, keyTypes);
  if (sources === undefined) return () => undefined;
  const emptyKeys = Object.fromEntries(sources.map(({ attribute, type }) => [attribute, { [type]: "" }])) as Image;
  const isProved = proofProblem(emptyKeys, plan.shared.mapping) === undefined;
  const isKept = sources.every(({ column, type }) => keepsSpelling(column, type));
  const isPlain = isKept && !Object.hasOwn(keyTypes, "__proto__");
  return (row) => {
    const { owner = null } = row;
    if (isPlain && (isProved || owner === null)) return keptImage(sources, row);
    const found = candidates(sources, row);
    if (isProved || (owner === null && isKept)) return found[0];
    return owner === null ? undefined : found.find((keys) => ownerOf(itemKeyOf(keys)) === owner);
  };
};
