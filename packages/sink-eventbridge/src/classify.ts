// Error codes for EventBridge's errors of requests and of entries. Core has the codes that AWS services share.

import type { AwsService } from "@sluice/core/sink-kit";

/**
 * Codes by EventBridge's error names. A failed entry does not say whether the sender is at fault, so an entry whose
 * error is not in this table is retried.
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html (read 2026-11-23)
 */
export const eventbridgeService: AwsService = {
  name: "EventBridge",
  codes: {
    LimitExceeded: "SINK_THROTTLED",
    ResourceNotFound: "SINK_MISSING",
    InvalidAccountId: "SINK_MISSING",
    // The bus policy refused the events. After a repair of the policy, the events can be sent.
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
