// Proves that two items never have the same row, so that their rows need no owners.
//
// The proof has two parts: every key attribute of the items fills a key column, unchanged, and Postgres compares that
// column as DynamoDB compares the attribute. The names and types of the key attributes are known only from the records.

import type { Image } from "@sluice/core/sink-kit";
import type { ComparedColumn } from "../schema/key-columns.ts";

type KeyType = "S" | "N" | "B";

/** Types for which two values are equal only if the attributes are equal. Without a length: it can change a value. */
const exactTypes: Readonly<Record<KeyType, ReadonlySet<string>>> = {
  S: new Set(["text", "varchar"]),
  N: new Set(["numeric", "int2", "int4", "int8", "text", "varchar"]),
  B: new Set(["bytea", "text", "varchar"]),
};

const isExact = (type: KeyType, column: ComparedColumn): boolean =>
  column.isEnum
    ? type === "S"
    : column.isBuiltIn && !column.hasModifier && column.isDeterministic && exactTypes[type].has(column.typeName);

/** Whether two texts are equal to Postgres only if they are the same. */
export const isExactText = (column: ComparedColumn): boolean => isExact("S", column);

/** What the proof must know about the key mapping. */
export interface KeyMapping {
  /** The attribute that fills each key column; undefined if option `key` is a function. */
  readonly sources: ReadonlyMap<string, string> | undefined;
  /** The key columns, of the table and of the version table. A column of the same name must be exact in both. */
  readonly columns: readonly ComparedColumn[];
}

const typeOf = (value: object | undefined): KeyType | undefined =>
  (["S", "N", "B"] as const).find((type) => value !== undefined && type in value);

const columnProblem = (attribute: string, type: KeyType, mapping: KeyMapping): string | undefined => {
  const filled = [...(mapping.sources ?? [])].filter(([, source]) => source === attribute).map(([column]) => column);
  if (filled.length === 0) return `no key column is filled from the key attribute "${attribute}"`;
  const inexact = (name: string): ComparedColumn | undefined =>
    mapping.columns.find((column) => column.name === name && !isExact(type, column));
  if (filled.some((name) => inexact(name) === undefined)) return undefined;
  const { name, fullType, isDeterministic } = inexact(filled[0] ?? "") as ComparedColumn;
  const collation = isDeterministic ? "" : ", with a collation that is not deterministic";
  return `key column "${name}" (${fullType}${collation}) does not compare as the attribute "${attribute}" (${type}) does`;
};

/** Returns why items with these keys may have the same row; undefined if it is proved that they never have. */
export const proofProblem = (keys: Image, mapping: KeyMapping): string | undefined => {
  if (mapping.sources === undefined) return 'option "key" is a function';
  for (const [attribute, value] of Object.entries(keys)) {
    const type = typeOf(value);
    const problem =
      type === undefined
        ? `the key attribute "${attribute}" has an unknown type`
        : columnProblem(attribute, type, mapping);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

/** An entry whose item has these keys. */
interface Keyed {
  readonly delivery: { readonly change: { readonly record: { readonly dynamodb?: { readonly Keys?: Image } } } };
}

/**
 * Creates the function that returns why the rows of a batch may be shared; undefined if they are proved not to be. It
 * remembers the first shape of keys. If keys of another shape arrive, the rows of both shapes may be the same.
 */
export const compileProof = (mapping: KeyMapping): ((entries: readonly Keyed[]) => string | undefined) => {
  let known: readonly (readonly [attribute: string, type: string])[] | undefined;
  let problem: string | undefined;
  const isKnown = (keys: Image, shape: NonNullable<typeof known>): boolean => {
    let count = 0;
    for (const _ in keys) count += 1;
    return count === shape.length && shape.every(([name, type]) => type in (keys[name] ?? {}));
  };
  const check = ({ delivery }: Keyed): string | undefined => {
    const keys = delivery.change.record.dynamodb?.Keys ?? {};
    if (known !== undefined) return isKnown(keys, known) ? undefined : "items with different key attributes arrived";
    known = Object.entries(keys).map(([name, value]) => [name, typeOf(value) ?? ""]);
    return proofProblem(keys, mapping);
  };
  return (entries) => {
    for (const entry of entries) problem ??= check(entry);
    return problem;
  };
};
