// Error codes for errors of EventBridge's requests and entries. Core has the codes that AWS services share.

import type { AwsService } from "@sluice/core/sink-kit";

/**
 * Codes by the names of EventBridge's errors. An entry's error does not say whether a retry can help, so core retries
 * an entry whose error is not in this table.
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
