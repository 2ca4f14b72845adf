// Error codes for the errors of EventBridge, of requests and of entries. Core has those that AWS services have in common.

import type { AwsService } from "@sluice/core/sink-kit";

/**
 * EventBridge, by the names of its errors. A failed entry does not say whether the sender is at fault: an entry whose
 * error is not in this table is retried.
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html (read 2026-11-23)
 */
export const eventbridgeService: AwsService = {
  name: "EventBridge",
  codes: {
    LimitExceeded: "SINK_THROTTLED",
    ResourceNotFound: "SINK_MISSING",
    InvalidAccountId: "SINK_MISSING",
    // The policy of the bus: once it is repaired, the events are good again.
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
