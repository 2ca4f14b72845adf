// From the Streams API's record to the one in Lambda's event: two names differ, and the ARN is added.

import type { StreamRecord } from "@sluice/core";
import type { WireRecord } from "../streams-client.ts";

const identityOf = (record: WireRecord): Pick<StreamRecord, "userIdentity"> => {
  const { Type, PrincipalId } = record.userIdentity ?? {};
  if (Type === undefined && PrincipalId === undefined) return {};
  return {
    userIdentity: {
      ...(PrincipalId === undefined ? {} : { principalId: PrincipalId }),
      ...(Type === undefined ? {} : { type: Type }),
    },
  };
};

/** The record as Lambda delivers it. */
export const lambdaRecord = (record: WireRecord, streamArn: string): StreamRecord => {
  const { userIdentity: _, ...rest } = record;
  return { ...rest, ...identityOf(record), eventSourceARN: streamArn };
};
