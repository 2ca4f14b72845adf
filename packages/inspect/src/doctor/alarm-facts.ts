// The alarms of CloudWatch, which several checks look through.

import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { type Answer, ask } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";

/** All metric alarms of a region, or why they could not be read. */
export type AlarmFacts = Answer<readonly MetricAlarm[]>;

/** All metric alarms of the region. */
const listAlarms = ({ cloudwatch }: Clients): Promise<AlarmFacts> =>
  ask("cloudwatch:DescribeAlarms", async (abortSignal) => {
    const alarms: MetricAlarm[] = [];
    let token: string | undefined;
    do {
      const page = await cloudwatch.describeAlarms(
        { AlarmTypes: ["MetricAlarm"], MaxRecords: 100, ...(token !== undefined && { NextToken: token }) },
        { abortSignal },
      );
      alarms.push(...(page.MetricAlarms ?? []));
      token = page.NextToken;
    } while (token);
    return alarms;
  });

/** Returns a function that lists the alarms once, at its first call: an account may have pages of them. */
export const alarmReader = (clients: Clients): (() => Promise<AlarmFacts>) => {
  let listed: Promise<AlarmFacts> | undefined;
  return () => {
    listed ??= listAlarms(clients);
    return listed;
  };
};
