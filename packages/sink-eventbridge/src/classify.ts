// What EventBridge's own errors mean, thrown or named by an entry. What it has in common with other services of AWS is
// in core.

import type { AwsService } from "@sluice/core/sink-kit";

/**
 * An entry's failure does not say whose fault it is: a name that is not here comes again.
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html (read 2026-11-23)
 */
export const eventbridgeService: AwsService = {
  name: "EventBridge",
  codes: {
    LimitExceeded: "SINK_THROTTLED",
    ResourceNotFound: "SINK_MISSING",
    InvalidAccountId: "SINK_MISSING",
    // The bus's policy: repaired, these events are good again.
    NotAuthorizedForSource: "SINK_DENIED",
    NotAuthorizedForDetailType: "SINK_DENIED",
    OperationDisabled: "SINK_DENIED",
    InvalidArgument: "SINK_REJECTED",
    MalformedDetail: "SINK_REJECTED",
    RedactionFailure: "SINK_REJECTED",
    Validation: "SINK_REJECTED",
  },
  tooLarge: /total size of the entries|entry size/i,
};
