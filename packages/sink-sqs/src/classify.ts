// Error codes for the errors of SQS. Core has those that AWS services have in common.

import type { AwsService } from "@sluice/core/sink-kit";

/** SQS, by the names of its errors. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html (read 2026-11-23) */
export const sqsService: AwsService = {
  name: "SQS",
  codes: {
    OverLimit: "SINK_THROTTLED",
    KmsThrottled: "SINK_THROTTLED",
    NonExistentQueue: "SINK_MISSING",
    QueueDoesNotExist: "SINK_MISSING",
    QueueDeletedRecently: "SINK_MISSING",
    InvalidAddress: "SINK_MISSING", // there is no queue with this URL
    KmsAccessDenied: "SINK_DENIED",
    KmsDisabled: "SINK_DENIED",
    KmsInvalidKeyUsage: "SINK_DENIED",
    KmsInvalidState: "SINK_DENIED",
    KmsNotFound: "SINK_DENIED",
    KmsOptInRequired: "SINK_DENIED",
    UnsupportedOperation: "SINK_DENIED", // the queue is not of the kind that its URL says; once it is repaired, the records are good again
    InvalidMessageContents: "SINK_REJECTED",
    InvalidParameterValue: "SINK_REJECTED",
    MissingParameter: "SINK_REJECTED",
    BatchRequestTooLong: "SINK_TOO_LARGE",
  },
  tooLarge: /must be shorter than \d+ bytes/i,
};
