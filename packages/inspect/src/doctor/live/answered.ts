// How a check handles answers that are missing.

import { type Answer, isAnswered } from "../../aws/answer.ts";
import { type Area, type Finding, openQuestion } from "../finding.ts";

/** The findings that `judge` returns for an answer; for a missing answer, an open question about the resource. */
export const judgeAnswer = <Value>(
  answer: Answer<Value>,
  [area, resource]: readonly [Area, string],
  judge: (value: Value) => readonly Finding[],
): readonly Finding[] => (isAnswered(answer) ? judge(answer.value) : [openQuestion(area, resource, answer.unanswered)]);
