// The table in which append routes remember what they have sent, and items with a delivery in the retry queue.

import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, type ITable, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";

/** What uses the dedupe table. `journal`: routes with `on-failure`. `leases`: routes with `always`. `pending`: a retry queue. */
export type DedupeUse = "journal" | "leases" | "pending";

/** Options of `DedupeTable`. */
export interface DedupeTableProps {
  /** A table that exists. Its partition key is `pk`, its sort key `sk`, both texts, and its TTL attribute `expiration`. */
  readonly table?: ITable;
  /** A key of your own for the new table. Default: the key of DynamoDB. */
  readonly encryptionKey?: IKey;
}

/** The actions of each use, as in the README of `@sluice/dedupe-dynamodb`. */
const actionsOf: Readonly<Record<DedupeUse, readonly string[]>> = {
  journal: ["dynamodb:Query", "dynamodb:BatchWriteItem"],
  leases: ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
  pending: ["dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
};

/** A table for `dynamodbDedupe({ tableName })`. Entries expire by TTL, so the table needs no backup. */
export class DedupeTable extends Construct {
  readonly table: ITable;

  constructor(scope: Construct, id: string, props: DedupeTableProps = {}) {
    super(scope, id);
    const { encryptionKey } = props;
    this.table =
      props.table ??
      new Table(this, "Table", {
        partitionKey: { name: "pk", type: AttributeType.STRING },
        sortKey: { name: "sk", type: AttributeType.STRING },
        timeToLiveAttribute: "expiration",
        billingMode: BillingMode.PAY_PER_REQUEST,
        removalPolicy: RemovalPolicy.DESTROY,
        ...(encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
      });
  }

  /** Gives a function the rights of these uses. */
  grant(grantee: IGrantable, uses: readonly DedupeUse[]): void {
    this.table.grant(grantee, ...new Set(uses.flatMap((use) => actionsOf[use])));
    this.table.encryptionKey?.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey");
  }
}
