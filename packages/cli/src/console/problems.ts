// What could not be read of a deployment, in lines for people.

import type { Unanswered } from "@sluice/inspect";

/** Says what is unknown, and which right or answer is missing. */
export const problemOf = (subject: string, { action, reason }: Unanswered): string => {
  const isDenied = /Denied|Unauthorized|NotAuthorized/.test(reason);
  const advice = isDenied ? "; sluice console --policy prints the rights that the console needs" : "";
  return `${subject} unknown: ${action} was answered with ${reason}${advice}`;
};
