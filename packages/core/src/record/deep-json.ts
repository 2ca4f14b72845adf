// JSON of any depth. `JSON.parse` reads any depth, but `JSON.stringify` throws a RangeError beyond some thousand levels.
// A forged message may contain such a record, and the record must still fit into a dead letter.

/** What is left to write: text, or a value. */
type Part = string | { readonly value: unknown };

const textOf = (value: unknown): string => JSON.stringify(value) ?? "null";

/** Returns the parts of a value, one level deep. */
const partsOf = (value: object): Part[] => {
  if (Array.isArray(value)) {
    return ["[", ...value.flatMap((entry, index): Part[] => [index === 0 ? "" : ",", { value: entry }]), "]"];
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const parts = members.flatMap(([name, member], index): Part[] => [
    `${index === 0 ? "" : ","}${JSON.stringify(name)}:`,
    { value: member },
  ]);
  return ["{", ...parts, "}"];
};

/** Writes a value without recursion. */
const writeFlat = (root: unknown): string => {
  const texts: string[] = [];
  const left: Part[] = [{ value: root }];
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (typeof part === "string") {
      texts.push(part);
      continue;
    }
    const { value } = part;
    // Only objects and arrays have levels. Objects with `toJSON`, such as bytes, contain no deep values.
    if (typeof value !== "object" || value === null || "toJSON" in value) texts.push(textOf(value));
    else for (const inner of partsOf(value).reverse()) left.push(inner);
  }
  return texts.join("");
};

/** Writes a value that `JSON.parse` has returned as JSON, however deep the value is. */
export const deepJson = (value: unknown): string => {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if ((error as Error).name !== "RangeError") throw error;
    return writeFlat(value);
  }
};
