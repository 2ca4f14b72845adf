// The access to a DynamoDB table as a target.

import { type RightRow, rightRows } from "@sluice/rules";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import { allowActions } from "../function/allow.ts";
import type { AnyTable } from "../stream/stream-source.ts";
import type { SinkAccess, SinkUse } from "./sink-access.ts";

/** Options of `tableAccess`. */
export interface TableAccessOptions {
  /** The target. It may belong to another account, if its policy allows the function's role. */
  readonly table: AnyTable;
  /** Whether several items can have one key in the target, as the sink's README describes. Default false. */
  readonly sharesKeys?: boolean | undefined;
  /** The variable with the table's ARN, which the sink's option `table` accepts. Default `TARGET_TABLE`. */
  readonly variable?: string | undefined;
}

const rowOf: Readonly<Record<SinkUse, RightRow>> = {
  write: rightRows.table,
  compare: rightRows.tableCompare,
  ensure: rightRows.tableEnsure,
};

/** What `dynamodbSink` needs. */
export const tableAccess = (options: TableAccessOptions): SinkAccess => {
  const { sharesKeys = false, variable = "TARGET_TABLE" } = options;
  const table = options.table as ITable;
  return {
    name: "dynamodb",
    maxSeconds: 10,
    environment: { [variable]: table.tableArn },
    grant: (target, use) => {
      const more = sharesKeys && use === "write" ? rightRows.tableShared.actions : [];
      allowActions(target, [...rowOf[use].actions, ...more], [table.tableArn]);
      // `ensure()` reads and changes only the table's description, for which DynamoDB does not use the key.
      const key = use === "ensure" ? undefined : table.encryptionKey;
      if (key) allowActions(target, rightRows.tableKey.actions, [key.keyArn]);
    },
  };
};
