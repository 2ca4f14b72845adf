// Rules of a mapping's filters: the checks of the construct, on the texts of a template.

import { DeployError } from "../errors.ts";
import { isTable, type Mapping } from "./deployment.ts";
import { checkFilters, type FilterPattern } from "./filters.ts";
import type { RuleCode, RuleFinding } from "./finding.ts";
import { ruleCodes } from "./finding.ts";
import type { MappingRule } from "./stream-rules.ts";
import { isObject, type Json, read, readPath, referenceOf, unknown } from "./template.ts";

const patternOf = (filter: Json): FilterPattern | undefined => {
  const pattern = isObject(filter) ? read(filter, "Pattern") : unknown;
  if (typeof pattern !== "string") return undefined;
  try {
    const parsed: unknown = JSON.parse(pattern);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    // Lambda refuses a pattern that is no JSON, with a message of its own.
    return undefined;
  }
};

const isRuleCode = (code: string): code is RuleCode => (ruleCodes as readonly string[]).includes(code);

const findingsOf = (id: string, patterns: readonly FilterPattern[], dropsRemovals: boolean): readonly RuleFinding[] => {
  try {
    checkFilters(patterns, { dropsRemovals, warn: () => undefined });
    return [];
  } catch (error) {
    if (!(error instanceof DeployError && isRuleCode(error.code))) throw error;
    // The message reads "CODE: found, expected …: why. The way out." A colon before a bracket belongs to an example.
    const [, found = "", expected = "", fix = ""] =
      /^\w+: (.*?), expected (.*?): (?![[{])(.*)$/s.exec(error.message) ?? [];
    return [{ code: error.code, resource: id, found, expected, fix }];
  }
};

/** Filters that match nothing, or with which copies of removed items stay. */
export const filters = ({ id, properties }: Mapping): readonly RuleFinding[] => {
  const given = readPath(properties, ["FilterCriteria", "Filters"]);
  if (!Array.isArray(given) || given.length === 0) return [];
  const patterns = given.map(patternOf);
  const known = patterns.filter((pattern) => pattern !== undefined);
  // A filter that is not known may let removals pass.
  const found = known.flatMap((pattern) => findingsOf(id, [pattern], true));
  const together = known.length === patterns.length ? findingsOf(id, known, false) : [];
  return found.length > 0 ? found.slice(0, 1) : together;
};

/** With new images only, a filter cannot see that an item leaves it. */
export const filteredImages: MappingRule = ({ id, properties, source }, { resources }) => {
  const filtered = readPath(properties, ["FilterCriteria", "Filters"]);
  const table = resources.get(referenceOf(source)?.id ?? "");
  if (!Array.isArray(filtered) || filtered.length === 0 || !isTable(table)) return [];
  if (readPath(table.properties, ["StreamSpecification", "StreamViewType"]) !== "NEW_IMAGE") return [];
  return [
    {
      code: "FILTER_VIEW_TYPE",
      resource: id,
      found: "filters, and a stream with the view type NEW_IMAGE",
      expected: "no filters, or a stream with NEW_AND_OLD_IMAGES",
      fix: "Remove FilterCriteria and filter by .when(), or use NEW_AND_OLD_IMAGES. A change with which an item leaves the filter would not reach the function, and its copy would stay.",
    },
  ];
};
