// Leases, stored by the persistence layer of Powertools' idempotency: a conditional put acquires, an update completes,
// and a delete releases a lease. Core does not use makeIdempotent, which serves one call at a time: core acquires a
// whole batch, sends it in as few requests as possible, and then completes or releases each lease.

import type { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import {
  type AwsService,
  awsRequestError,
  deliverableDays,
  type LeaseResult,
  type Leases,
  missingDependency,
  outcomeOf,
  type RouteId,
  SinkError,
} from "@sluice/core/sink-kit";
import { type DedupeTable, partitionKey, partitionOf, sortKey, ttlAttribute } from "./table.ts";

/** Longer than a change can wait for a repeat. The added days are for clocks that differ. */
const keptForSeconds = (deliverableDays + 2) * 86_400;

const heldUntilAttribute = "in_progress_expiration";
const statusAttribute = "status";

const dynamodb: AwsService = {
  name: "DynamoDB",
  // A Validation error means that the table has other key attributes. Such a table must be replaced.
  codes: { ResourceNotFound: "SINK_MISSING", Validation: "SINK_MISSING" },
};

/** Returns an error that makes core retry the delivery. The store has failed, so the delivery must not be rejected. */
const storeError = ({ route }: RouteId, error: unknown): SinkError => {
  const found = awsRequestError(`${route} dedupe store`, dynamodb, error);
  if (outcomeOf(found.code) === "retry") return found;
  return new SinkError("SINK_UNAVAILABLE", found.message, { cause: found });
};

type Powertools = typeof import("@aws-lambda-powertools/idempotency");

/** The persistence layer for one route. */
interface LeaseLayer {
  readonly layer: DynamoDBPersistenceLayer;
  readonly powertools: Powertools;
}

const packageName = "@aws-lambda-powertools/idempotency";

const user = 'dedupe: "always"';

type LayerClass = typeof DynamoDBPersistenceLayer;

/** Extends the class of Powertools, so that a completed lease cannot be deleted. */
const guarded = async (Base: LayerClass, table: DedupeTable): Promise<LayerClass> => {
  const { ConditionalCheckFailedException, DeleteItemCommand } = await table.sdk();
  const client = await table.client();
  return class extends Base {
    // Lambda may freeze an invocation during a release. When it resumes, another invocation may have sent the delivery.
    protected override async _deleteRecord({ idempotencyKey }: { readonly idempotencyKey: string }): Promise<void> {
      const command = new DeleteItemCommand({
        TableName: table.name,
        Key: this.getKey(idempotencyKey),
        ConditionExpression: "#status <> :completed",
        ExpressionAttributeNames: { "#status": statusAttribute },
        ExpressionAttributeValues: { ":completed": { S: "COMPLETED" } },
      });
      await client.send(command).catch((error: unknown) => {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      });
    }
  };
};

/** Creates the layer of a route. Routes cannot share a layer, because the layer's state includes the key prefix. */
const layerOf = async (table: DedupeTable, id: RouteId): Promise<LeaseLayer> => {
  const powertools = await import("@aws-lambda-powertools/idempotency").catch(missingDependency(user, packageName));
  const { DynamoDBPersistenceLayer } = await import("@aws-lambda-powertools/idempotency/dynamodb").catch(
    missingDependency(user, packageName),
  );
  const GuardedLayer = await guarded(DynamoDBPersistenceLayer, table);
  const layer = new GuardedLayer({
    tableName: table.name,
    awsSdkV3Client: await table.client(),
    // Powertools uses these options the other way round. Here the id of a lease is the partition key, so that leases
    // are spread over partitions. The static value, which all leases share, is the sort key.
    keyAttr: sortKey,
    sortKeyAttr: partitionKey,
    staticPkValue: "lease",
    expiryAttr: ttlAttribute,
    inProgressExpiryAttr: heldUntilAttribute,
    statusAttr: statusAttribute,
  });
  // The default hash function is MD5, which Node.js does not have in FIPS mode.
  const config = new powertools.IdempotencyConfig({ expiresAfterSeconds: keptForSeconds, hashFunction: "sha256" });
  layer.configure({ config, keyPrefix: partitionOf("lease", id) });
  return { layer, powertools };
};

const acquireIn = async (
  { layer, powertools }: LeaseLayer,
  idempotencyKey: string,
  holdMs: number,
): Promise<LeaseResult> => {
  try {
    await layer.saveInProgress(idempotencyKey, holdMs);
    return "acquired";
  } catch (error) {
    if (!(error instanceof powertools.IdempotencyItemAlreadyExistsError)) throw error;
    const { existingRecord } = error;
    if (existingRecord?.getStatus() === powertools.IdempotencyRecordStatus.COMPLETED) return "completed";
    return { heldForMs: Math.max(0, (existingRecord?.inProgressExpiryTimestamp ?? 0) - Date.now()) };
  }
};

/** Creates the store of leases. */
export const dynamodbLeases = (table: DedupeTable): Leases => {
  const layers = new Map<string, Promise<LeaseLayer>>();
  const layerFor = (id: RouteId): Promise<LeaseLayer> => {
    const key = partitionOf("lease", id);
    const layer = layers.get(key) ?? layerOf(table, id);
    layers.set(key, layer);
    return layer;
  };
  const withLayer = async <Value>(id: RouteId, use: (layer: LeaseLayer) => Promise<Value>): Promise<Value> => {
    const layer = await layerFor(id);
    try {
      return await use(layer);
    } catch (error) {
      throw storeError(id, error);
    }
  };
  return {
    acquire: (id, idempotencyKey, holdMs) => withLayer(id, (layer) => acquireIn(layer, idempotencyKey, holdMs)),
    // The outcome is not stored, because a completed lease already means that the target has the message.
    complete: (id, idempotencyKey) =>
      withLayer(id, ({ layer }) => layer.saveSuccess(idempotencyKey, undefined as never)),
    release: (id, idempotencyKey) => withLayer(id, ({ layer }) => layer.deleteRecord(idempotencyKey)),
  };
};
