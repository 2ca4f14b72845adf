// Takes from OpenSearch's reasons what holds no value of an item: names of fields, types, limits and settings.

import type { OpensearchField, OpensearchMappings } from "../schema/mappings.ts";

/** Returns the part of a field's path that an error may name. */
export type FieldNames = (path: string) => string;

/** A name of a field as text. Other names would make a log line hard to read. */
const plainName = /^[\w@ -]{1,100}$/;

type Fields = { readonly [field: string]: OpensearchField };

const below = (field: OpensearchField | undefined): Fields => ({ ...field?.properties, ...field?.fields });

/**
 * Creates the function. The names in a map of an item may be data, for example mail addresses. So an error names the
 * attribute of the item, and further names of the path only as far as option `mappings` declares them: `address.*`.
 */
export const fieldNames = ({ properties = {} }: Pick<OpensearchMappings, "properties"> = {}): FieldNames => {
  return (path) => {
    let fields: Fields = properties;
    const shown: string[] = [];
    for (const [level, name] of path.split(".").entries()) {
      const isDeclared = Object.hasOwn(fields, name);
      if (!(isDeclared || level === 0) || !plainName.test(name)) return [...shown, "*"].join(".");
      shown.push(name);
      fields = isDeclared ? below(fields[name]) : {};
    }
    return shown.join(".");
  };
};

type Pattern = readonly [text: RegExp, describe: (names: FieldNames, ...found: readonly string[]) => string];

const field = (names: FieldNames, path = ""): string => `field "${names(path)}"`;

/** Names a field that the mapping lacks. `within` is the path of the object, `_doc` for the document. */
const undeclared = (names: FieldNames, name = "", within = ""): string =>
  field(names, within === "_doc" ? name : `${within}.${name}`);

/** The reasons of which a part is shown. A group matches names or limits, never a value. */
const patterns: readonly Pattern[] = [
  [/Limit of total fields \[(\d+)\]/, (_, limit) => `the limit of ${limit} fields (index.mapping.total_fields.limit)`],
  [/Limit of mapping depth \[(\d+)\]/, (_, limit) => `the limit of ${limit} levels (index.mapping.depth.limit)`],
  [/Limit of nested fields \[(\d+)\]/, (_, limit) => `the limit of ${limit} nested fields`],
  [
    /Limit of (field name length|nested mappings|(?:\w+ ){1,3}\w+) \[(\d+)\] has been exceeded/,
    (_, what, limit) => `the limit of ${limit} for ${what}`,
  ],
  [
    /exceeded the allowed limit of \[(\d+)\]\. This limit can be set by changing the \[([\w.]+)\]/,
    (_, limit, setting) => `the limit of ${limit} (${setting})`,
  ],
  [
    /dynamic introduction of \[([^\]]*)\] within \[([^\]]*)\] is not allowed/,
    (names, name, within) => `the strict mapping has no ${undeclared(names, name, within)}`,
  ],
  [
    /object mapping for \[([^\]]*)\] tried to parse field \[[^\]]*\] as object, but found a concrete value/,
    (names, path) => `${field(names, path)} is an object in the mapping, but a single value in the document`,
  ],
  [
    /object mapping \[([^\]]*)\] can't be changed from (\w+) to (non-)?(\w+)/,
    (names, path) => `${field(names, path)} is another kind of object in the mapping`,
  ],
  [
    /Could not dynamically add mapping for field \[[^\]]*\]\. Existing mapping for \[([^\]]*)\] must be of type object but found \[(\w+)\]/,
    (names, path, type) =>
      `${field(names, path)} has the type ${type} in the mapping, but is an object in the document`,
  ],
  [
    /mapper \[([^\]]*)\] cannot be changed from type \[(\w+)\] to \[(\w+)\]/,
    (names, path, from, to) => `${field(names, path)} has the type ${from} in the mapping, and ${to} in the document`,
  ],
  [
    /failed to parse field \[([^\]]*)\] of type \[(\w+)\]/,
    (names, path, type) => `${field(names, path)} of type ${type}`,
  ],
  [
    /immense term in field="([^"]*)" \(whose UTF8 encoding is longer than the max length (\d+)\)/,
    (names, path, limit) => `${field(names, path)} is longer than ${limit} bytes`,
  ],
  [
    /\[routing\] is missing for join field \[([^\]]*)\]/,
    (names, path) => `the join ${field(names, path)} needs option "routing"`,
  ],
  [
    /\[parent\] is missing for join field \[([^\]]*)\]/,
    (names, path) => `the join ${field(names, path)} lacks "parent"`,
  ],
  [
    /unknown join name \[[^\]]*\] for field \[([^\]]*)\]/,
    (names, path) => `the join ${field(names, path)} has an unknown name`,
  ],
  [/^routing is required for \[/, () => 'the mapping requires a routing, for which there is option "routing"'],
  [
    /(?:field )?name cannot (?:be an empty string|contain only whitespaces?)|field name cannot be empty/,
    () => "a field with an empty name",
  ],
  [/object field (?:starting or ending with|cannot contain only) /, () => "a field whose name has a misplaced dot"],
  [/(?:^|\s)field \[([^\]]*)\]/, (names, path) => field(names, path)],
];

/** Describes a reason without values: `field "amount" of type long`. Undefined if nothing in it is known to be safe. */
export const describeReason = (reason: string, names: FieldNames): string | undefined => {
  for (const [text, describe] of patterns) {
    const found = text.exec(reason);
    if (found !== null) return describe(names, ...found.slice(1));
  }
  return undefined;
};
