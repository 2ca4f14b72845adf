// Error codes for errors of SQS. Core has the codes that AWS services share.

import type { AwsService } from "@sluice/core/sink-kit";

/** Codes by SQS error names. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html (read 2026-11-23) */
export const sqsService: AwsService = {
  name: "SQS",
  codes: {
    OverLimit: "SINK_THROTTLED",
    KmsThrottled: "SINK_THROTTLED",
    NonExistentQueue: "SINK_MISSING",
    QueueDoesNotExist: "SINK_MISSING",
    QueueDeletedRecently: "SINK_MISSING",
    InvalidAddress: "SINK_MISSING", // no queue has this URL
    KmsAccessDenied: "SINK_DENIED",
    KmsDisabled: "SINK_DENIED",
    KmsInvalidKeyUsage: "SINK_DENIED",
    KmsInvalidState: "SINK_DENIED",
    KmsNotFound: "SINK_DENIED",
    KmsOptInRequired: "SINK_DENIED",
    UnsupportedOperation: "SINK_DENIED", // a FIFO queue whose URL does not end in `.fifo`, or the reverse
    InvalidMessageContents: "SINK_REJECTED",
    InvalidParameterValue: "SINK_REJECTED",
    MissingParameter: "SINK_REJECTED",
    BatchRequestTooLong: "SINK_TOO_LARGE",
  },
  tooLarge: /must be shorter than \d+ bytes/i,
};
