// What a new project is to be: its names, its key and its targets. Checks what the user gives.

import { CommandError } from "../command-line/command-error.ts";
import { type SinkName, sinkNames } from "./sinks.ts";

/** An attribute of the table's key. */
export interface KeyAttribute {
  readonly name: string;
  /** DynamoDB's type: a string or a number. */
  readonly type: "S" | "N";
}

/** What the files of a new project depend on. */
export interface ProjectPlan {
  readonly name: string;
  readonly table: string;
  readonly key: readonly [KeyAttribute, KeyAttribute?];
  readonly sinks: readonly SinkName[];
}

const listed = (text: string): string[] => text.split(",").map((part) => part.trim());

const repeatedIn = (names: readonly string[]): string | undefined =>
  names.find((name, index) => names.indexOf(name) !== index);

/** Returns the name of the project. It names resources, an index of OpenSearch and a table of Postgres. */
export const projectName = (text: string): string => {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text) && text.length <= 40) return text;
  throw new CommandError(
    `the name of the project is ${JSON.stringify(text)}; expected at most 40 lower-case letters, digits and single hyphens, ` +
      "beginning with a letter. Give another name with --name",
  );
};

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html (read 2026-11-28) */
export const tableName = (text: string): string => {
  if (/^[\w.-]{3,255}$/.test(text)) return text;
  throw new CommandError(
    `the name of the table is ${JSON.stringify(text)}; expected 3 to 255 letters, digits, underscores, hyphens and dots. ` +
      "Give another name with --table",
  );
};

/** The attributes become columns of Postgres, which have at most 63 bytes, and members of objects. */
const keyAttribute = (text: string): KeyAttribute => {
  const [, name = "", type = "S"] = /^([A-Za-z_][\w-]{0,62})(?::([SN]))?$/.exec(text) ?? [];
  if (name !== "" && !(name in {}) && !name.startsWith("_sluice")) return { name, type: type === "N" ? "N" : "S" };
  throw new CommandError(
    `--key has the attribute ${JSON.stringify(text)}; expected a name of letters, digits, underscores and hyphens, ` +
      "such as id, and :N behind the name of a number",
  );
};

/** Returns the attributes of the key: the partition key, and the sort key if there is one. */
export const keyIn = (text: string): ProjectPlan["key"] => {
  const [partition, sort, ...others] = listed(text).map(keyAttribute);
  if (partition === undefined || others.length > 0) {
    throw new CommandError(
      `--key is ${JSON.stringify(text)}; expected the partition key, and perhaps the sort key: pk,sk`,
    );
  }
  if (sort?.name === partition.name) {
    throw new CommandError(`--key has the attribute ${partition.name} twice; expected different attributes`);
  }
  return sort === undefined ? [partition] : [partition, sort];
};

/** Returns the kinds of targets, in the order of their routes. */
export const sinksIn = (text: string): SinkName[] => {
  const names = listed(text);
  const unknown = names.find((name) => !sinkNames.some((known) => known === name));
  if (unknown !== undefined) {
    throw new CommandError(`--sinks has ${JSON.stringify(unknown)}; expected one or more of ${sinkNames.join(",")}`);
  }
  const repeated = repeatedIn(names);
  if (repeated !== undefined) throw new CommandError(`--sinks has ${repeated} twice; expected each target once`);
  return sinkNames.filter((name) => names.includes(name));
};
