// What the comparison of a key column needs to know.

import type { ComparedColumn } from "../schema/key-columns.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Types of which an assignment changes a value without an error: it rounds, or removes spaces at the end. */
const changingTypes = new Set(["numeric", "varchar", "timestamp", "timestamptz", "time", "timetz", "interval"]);

/** Returns a key column with what its comparison needs. `compared` are the columns of its table. */
export const withComparison = (column: WrittenColumn, compared: readonly ComparedColumn[]): WrittenColumn => {
  const found = compared.find(({ name }) => name === column.name);
  if (found === undefined) return column;
  const { collation, fullType, hasModifier, isBuiltIn, modifier, typeName, typeOid } = found;
  const mayChange = isBuiltIn && changingTypes.has(typeName);
  return {
    ...column,
    checkedType: typeOid,
    comparison: { collation: collation ?? undefined, modifier: mayChange || hasModifier ? modifier : undefined },
    ...(mayChange && hasModifier && { comparedAs: fullType }),
  };
};
