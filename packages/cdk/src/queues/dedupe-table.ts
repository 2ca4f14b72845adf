// The table in which append routes remember what they sent, and routes with a retry queue which items wait.

import { type RightRow, rightRows } from "@sluice/rules";
import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, type ITable, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import { allowActions } from "../function/allow.ts";

/** What a pipeline does with the table: one of the rows in the README of `@sluice/dedupe-dynamodb`. */
export type DedupeUse = "on-failure" | "always" | "retry";

const rowOf: Readonly<Record<DedupeUse, RightRow>> = {
  "on-failure": rightRows.dedupeOnFailure,
  always: rightRows.dedupeAlways,
  retry: rightRows.dedupeRetry,
};

/** Options of `DedupeTable`. */
export interface DedupeTableOptions {
  /** A key of your own. Default: a key that DynamoDB owns, which costs nothing. */
  readonly encryptionKey?: IKey;
  /** Default `DESTROY`: the entries expire within 30 days anyway, and mean nothing to another pipeline. */
  readonly removalPolicy?: RemovalPolicy;
}

/** The dedupe table: the keys and the TTL attribute of `@sluice/dedupe-dynamodb`, and on-demand capacity. */
export class DedupeTable extends Construct {
  readonly table: ITable;

  constructor(scope: Construct, id: string, options: DedupeTableOptions = {}) {
    super(scope, id);
    // The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes.
    this.table = new Table(this, "Table", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      sortKey: { name: "sk", type: AttributeType.STRING },
      timeToLiveAttribute: "expiration",
      billingMode: BillingMode.PAY_PER_REQUEST,
      removalPolicy: options.removalPolicy ?? RemovalPolicy.DESTROY,
      ...(options.encryptionKey && {
        encryption: TableEncryption.CUSTOMER_MANAGED,
        encryptionKey: options.encryptionKey,
      }),
    }) as ITable;
    acknowledge(this, "AwsSolutions-DDB3");
  }

  /** Allows a function these uses of the table, and nothing else. */
  grantUse(grantee: IGrantable, uses: readonly DedupeUse[]): void {
    grantDedupe(this.table, grantee, uses);
  }
}

/** Grants exactly the actions of these uses. */
export const grantDedupe = (table: ITable, grantee: IGrantable, uses: readonly DedupeUse[]): void => {
  const actions = new Set(uses.flatMap((use) => rowOf[use].actions));
  allowActions(grantee, [...actions], [table.tableArn]);
  table.encryptionKey?.grant(grantee, ...rightRows.dedupeKey.actions);
};
