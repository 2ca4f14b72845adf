// Makes the files of a project from the templates. A template is a file of a project with all targets, with marks:
//
//   import pg from "pg"; // @when postgres       the line belongs to projects with Postgres
//   // @when sqs|sns … // @end                   so do the lines between the marks, in projects with one of the two
//
// and with placeholders: init-name, init-table, initKey and others.

import type { KeyAttribute, ProjectPlan } from "./plan.ts";
import { type Condition, initSinks, type SinkName } from "./sinks.ts";

const mark = / ?(?:\/\/|#|<!--) @(?:when ([\w|]+)|end)(?: -->)?$/;

/** Returns the lines whose conditions hold, without their marks. */
const selected = (text: string, conditions: ReadonlySet<string>): string[] => {
  const isWanted = (names: string): boolean => names.split("|").some((name) => conditions.has(name));
  let isInside = true;
  return text.split("\n").flatMap((line) => {
    const [found, names] = mark.exec(line) ?? [];
    if (found === undefined) return isInside ? [line] : [];
    const rest = line.slice(0, line.length - found.length);
    if (rest.trim() !== "") return isInside && isWanted(names ?? "") ? [rest] : [];
    isInside = names === undefined || isWanted(names);
    return [];
  });
};

const keyPlaceholders = ["initKey", "initSort"] as const;

/** How a template writes a key that is a string, after the placeholder, and what a project has instead for a number. */
const numberTexts: readonly (readonly [string, string])[] = [
  [": z\\.string\\(\\)", ": z.number()"],
  [': "text"', ': "numeric"'],
  [': "(\\d)"', ": $1"],
  ['": "(\\d)"', '": $1'],
  ['", type: AttributeType\\.STRING', '", type: AttributeType.NUMBER'],
  ['", type: "S"', '", type: "N"'],
];

const asNumber = (text: string, placeholder: string): string =>
  numberTexts.reduce(
    (changed, [from, to]) => changed.replaceAll(new RegExp(placeholder + from, "g"), placeholder + to),
    text,
  );

/** Removes what belongs to a sort key: a member, an element of a list, or a line. */
const withoutSortKey = (text: string): string =>
  text
    .replaceAll(/, (?:"initSort"(?:: "\w+")?|initSort: (?:"\w+"|z\.string\(\)))/g, "")
    .replaceAll(/^.*initSort.*\n/gm, "");

/** Writes the types of the key, and removes a sort key that the table does not have. */
const withKeyTypes = (text: string, key: ProjectPlan["key"]): string =>
  key.reduce(
    (changed, attribute, index) =>
      attribute?.type === "N" ? asNumber(changed, keyPlaceholders[index] ?? "") : changed,
    key[1] === undefined ? withoutSortKey(text) : text,
  );

/** The attributes of the templates, each with the names that it can have beside the attributes of the key. */
const exampleAttributes = { customer: ["customer", "buyer", "owner"], total: ["total", "amount", "price"] } as const;

const camelCase = (name: string): string => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** `a, b and c`. */
const sentenceList = (names: readonly string[]): string => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** The name of an attribute as a member of an object. */
const memberName = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name));

const keyTexts = (key: ProjectPlan["key"]): Record<string, string> =>
  Object.fromEntries(
    key
      .filter((attribute): attribute is KeyAttribute => attribute !== undefined)
      .flatMap(({ name }, index) => [
        [`"${keyPlaceholders[index]}"`, JSON.stringify(name)],
        [keyPlaceholders[index] ?? "", memberName(name)],
      ]),
  );

const exampleTexts = (key: ProjectPlan["key"]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(exampleAttributes).map(([name, choices]) => [
      name,
      choices.find((choice) => key.every((attribute) => attribute?.name !== choice)) ?? name,
    ]),
  );

/** What stands in the project for each placeholder. */
const textsOf = ({ name, table, key, sinks }: ProjectPlan): Readonly<Record<string, string>> => ({
  ...keyTexts(key),
  ...exampleTexts(key),
  "init-targets": sentenceList(sinks.map((sink) => initSinks[sink].title)),
  "init-engines": sentenceList(sinks.map((sink) => initSinks[sink].engine)),
  "init-name": name,
  init_name: name.replaceAll("-", "_"),
  InitName: camelCase(`-${name}`),
  initName: camelCase(name),
  "init-table": table,
});

/** Replaces all placeholders at once, because a name of the user may be like a placeholder. */
const withTexts = (text: string, plan: ProjectPlan): string => {
  const texts = textsOf(plan);
  const names = Object.keys(texts).map((name) => (name in exampleAttributes ? `\\b${name}\\b` : name));
  return text.replaceAll(new RegExp(names.join("|"), "g"), (name) => texts[name] ?? name);
};

const width = 120;

/** Writes a list in one line if it fits, as a formatter does: in a template, each marked element has a line. */
const withShortLists = (text: string): string =>
  text.replaceAll(
    /^( *)(.*(\[|import \{))\n((?:\1 {2}[^\s/}\])].*,\n)+)\1([}\]].*)$/gm,
    (whole, indent: string, start: string, bracket: string, body: string, end: string) => {
      const space = bracket === "[" ? "" : " ";
      const elements = body.trim().replace(/,$/, "").replaceAll(/,\n +/g, ", ");
      const line = `${indent}${start}${space}${elements}${space}${end}`;
      return line.length <= width ? line : whole;
    },
  );

/** Writes an object with one member in one line. */
const withShortObjects = (text: string): string =>
  text.replaceAll(/^( *)(\w+): \{\n\1 {2}(\w+: .*),\n\1\},$/gm, "$1$2: { $3 },");

/** Ends the chain of routes, whose last route depends on the targets, and removes blank lines that are left over. */
const tidy = (text: string): string =>
  `${withShortObjects(withShortLists(text))
    .replaceAll(/\n{3,}/g, "\n\n")
    .trimEnd()
    .replace(/\)$/, ");")}\n`;

/** Writes a single route behind the options of the pipeline, as a formatter does. */
const withOneRoute = (text: string): string =>
  text.replace(/^\}\)\n {2}\.to\([\s\S]*/m, (route) => `}).to(${route.slice(9).replaceAll("\n  ", "\n")}`);

/** The conditions of the templates that hold for a project. */
export const conditionsOf = ({ sinks }: ProjectPlan): ReadonlySet<SinkName | Condition> =>
  new Set([...sinks, ...sinks.flatMap((sink) => initSinks[sink].conditions)]);

/** Returns the text of a file of the project. */
export const rendered = (template: string, plan: ProjectPlan): string => {
  const conditions = conditionsOf(plan);
  const text = withTexts(withKeyTypes(selected(template, conditions).join("\n"), plan.key), plan);
  // Without append routes, the stack has a standard queue.
  const tidied = tidy(conditions.has("append") ? text : text.replaceAll("retries.fifo", "retries"));
  return plan.sinks.length === 1 ? withOneRoute(tidied) : tidied;
};
