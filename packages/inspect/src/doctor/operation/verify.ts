// When the last verify ran. Its metric names its own function, which the user names: the pipeline's function does not.

import { metricNamespace } from "@sluice/rules";
import { isAnswered } from "../../aws/answer.ts";
import type { Facts } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { readMetrics } from "./metric-data.ts";

const area = "operation";
const days = 30;

const verifyOld = (name: string): Finding => ({
  code: "VERIFY_OLD",
  area,
  level: "warn",
  resource: name,
  found: `no complete verify ended within ${days} days`,
  expected:
    "a verify at least each month: it finds what no metric shows, such as rows that another program has changed",
  fix: "Start the state machine of the verify, and set schedule in its options; or run sluice verify.",
});

/** The check of the last verify. */
export const verifyCheck: Check<Facts> = {
  area,
  codes: ["VERIFY_OLD"],
  findings: async ({ clients, verifyFunction }) => {
    if (verifyFunction === undefined) return [];
    const metric = { namespace: metricNamespace, metric: "Differing", dimension: "function", value: verifyFunction };
    const window = { days, periodSeconds: 86_400 };
    const answer = await readMetrics(clients, [{ ...metric, statistic: "SampleCount" }], window);
    if (!isAnswered(answer)) return [openQuestion(area, verifyFunction, answer.unanswered)];
    return answer.value.flat().length > 0 ? [] : [verifyOld(verifyFunction)];
  },
};
