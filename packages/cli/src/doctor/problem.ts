// Why a doctor has judged nothing.

import type { DoctorReport } from "@sluice/inspect";

/** A silence, or an error of the network: no right would help. */
const silence = /^(timeout|TimeoutError|E[A-Z_]+)$/;

/** Says why nothing was judged, for example without credentials. Returns undefined if AWS answered a question. */
export const problemIn = ({
  functionName,
  unanswered,
}: Pick<DoctorReport, "functionName" | "unanswered">): string | undefined => {
  if (unanswered === undefined) return undefined;
  const { action, reason } = unanswered;
  if (silence.test(reason)) {
    return (
      `nothing of ${functionName} was judged: ${action} had no answer (${reason}); expected a network in which AWS answers, ` +
      "and a region or an --endpoint-url that exists"
    );
  }
  return (
    `nothing of ${functionName} was judged: ${action} was answered with ${reason}; expected credentials, a region, and the ` +
    "rights that sluice doctor --policy prints"
  );
};
