// The rules for templates as checks of a deployment: one check for each area.

import { judgeTemplate, type RuleCode, type RuleFinding } from "@sluice/rules";
import { type Answer, isAnswered, knownValue } from "../../aws/answer.ts";
import type { Facts } from "../facts.ts";
import { type Area, type Check, type Finding, openQuestion } from "../finding.ts";
import { type LiveRuleCode, liveRules } from "./live-rules.ts";
import { type LiveTemplate, liveTemplate, type Subject } from "./live-template.ts";

const resourceOf = (subject: Subject): string => (subject.kind === "mapping" ? subject.uuid : subject.name);

const isLive = (code: RuleCode): code is LiveRuleCode => code in liveRules;

/** The fix of a rule names a property of a template. Here, the sentence that says why belongs to what was expected. */
const findingOf = (rule: RuleFinding, { subjects }: LiveTemplate): readonly Finding[] => {
  const subject = subjects.get(rule.resource);
  if (subject === undefined || !isLive(rule.code)) return [];
  const { area, level, fix } = liveRules[rule.code];
  const { code, found, expected } = rule;
  return [{ code, area, level, resource: resourceOf(subject), found, expected, fix: fix(subject, rule) }];
};

type Question = readonly [resource: string, answer: Answer<unknown>];

const mappingQuestions = ({ function: { name, mappings } }: Facts): readonly Question[] => {
  const filters = (knownValue(mappings) ?? []).flatMap(({ UUID = "", FilterCriteriaError }): readonly Question[] => {
    if (FilterCriteriaError === undefined) return [];
    return [[UUID, { unanswered: { action: "kms:Decrypt", reason: FilterCriteriaError.ErrorCode ?? "AccessDenied" } }]];
  });
  return [[name, mappings], ...filters];
};

/** The answers without which rules of the area stay silent. */
const questions: Readonly<Partial<Record<Area, (facts: Facts) => readonly Question[]>>> = {
  mapping: mappingQuestions,
  stream: ({ streams, function: { name, mappings } }) => [
    [name, mappings],
    ...streams.map(({ tableName, table }) => [tableName, table] as const),
  ],
  function: ({ function: { name, configuration } }) => [[name, configuration]],
  queues: ({ queues, function: { name, mappings, variables } }) => [
    [name, mappings],
    [name, variables],
    ...queues.map((queue) => [queue.name, queue.attributes] as const),
  ],
  tombstones: ({ dedupe, function: { name, variables } }) => [
    [name, variables],
    ...(dedupe === undefined ? [] : [[dedupe.tableName, dedupe.expires] as const]),
  ],
};

const unansweredIn = (area: Area, facts: Facts): readonly Finding[] =>
  (questions[area]?.(facts) ?? []).flatMap(([resource, answer]) =>
    isAnswered(answer) ? [] : [openQuestion(area, resource, answer.unanswered)],
  );

const codesOf = (area: Area): readonly LiveRuleCode[] =>
  (Object.keys(liveRules) as readonly LiveRuleCode[]).filter((code) => liveRules[code].area === area);

const checkOf = (area: Area): Check<Facts> => ({
  area,
  codes: codesOf(area),
  findings: (facts) => {
    const live = liveTemplate(facts);
    const found = judgeTemplate(live.template).flatMap((rule) => findingOf(rule, live));
    return [...found.filter((finding) => finding.area === area), ...unansweredIn(area, facts)];
  },
});

/** The checks. */
export const ruleChecks: readonly Check<Facts>[] = (
  ["mapping", "stream", "function", "queues", "tombstones"] as const
).map(checkOf);
