// Leases, stored by the persistence layer of Powertools' idempotency: a conditional put acquires, an update completes, a
// delete releases. Its wrapper, makeIdempotent, is for one call at a time. Core acquires a whole batch, sends it in as few
// requests as possible, and then completes or releases each lease.

import type { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import {
  type AwsService,
  awsRequestError,
  type LeaseResult,
  type Leases,
  missingDependency,
  outcomeOf,
  type RouteId,
  SinkError,
} from "@sluice/core/sink-kit";
import { type DedupeTable, partitionKey, partitionOf, sortKey, ttlAttribute } from "./table.ts";

/** Longer than any repeat can take: the stream keeps a record for 1 day, a queue a dead letter for 14. */
const keptForSeconds = 16 * 86_400;

const heldUntilAttribute = "in_progress_expiration";
const statusAttribute = "status";

const dynamodb: AwsService = {
  name: "DynamoDB",
  // Validation: the table has other keys. It must be replaced, like a table that is missing.
  codes: { ResourceNotFound: "SINK_MISSING", Validation: "SINK_MISSING" },
};

/** An error of the store never rejects a delivery. */
const storeError = ({ route }: RouteId, error: unknown): SinkError => {
  const found = awsRequestError(`${route} dedupe store`, dynamodb, error);
  if (outcomeOf(found.code) === "retry") return found;
  return new SinkError("SINK_UNAVAILABLE", found.message, { cause: found });
};

type Powertools = typeof import("@aws-lambda-powertools/idempotency");

/** The persistence layer of one route. */
interface LeaseLayer {
  readonly layer: DynamoDBPersistenceLayer;
  readonly powertools: Powertools;
}

const packageName = "@aws-lambda-powertools/idempotency";

const user = 'dedupe: "always"';

type LayerClass = typeof DynamoDBPersistenceLayer;

/** The class of Powertools, except that a completed lease cannot be deleted. */
const guarded = async (Base: LayerClass, table: DedupeTable): Promise<LayerClass> => {
  const { ConditionalCheckFailedException, DeleteItemCommand } = await table.sdk();
  const client = await table.client();
  return class extends Base {
    // An invocation that was frozen during a release may continue after another one has sent the delivery.
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

/** Makes the layer of a route. Routes cannot share a layer, because the key prefix is state of the layer. */
const layerOf = async (table: DedupeTable, id: RouteId): Promise<LeaseLayer> => {
  const powertools = await import("@aws-lambda-powertools/idempotency").catch(missingDependency(user, packageName));
  const { DynamoDBPersistenceLayer } = await import("@aws-lambda-powertools/idempotency/dynamodb").catch(
    missingDependency(user, packageName),
  );
  const GuardedLayer = await guarded(DynamoDBPersistenceLayer, table);
  const layer = new GuardedLayer({
    tableName: table.name,
    awsSdkV3Client: await table.client(),
    // Powertools means these options the other way round. The id of a lease must be the partition key, so that leases are
    // in different partitions; the static value, which is the same for all of them, is the sort key.
    keyAttr: sortKey,
    sortKeyAttr: partitionKey,
    staticPkValue: "lease",
    expiryAttr: ttlAttribute,
    inProgressExpiryAttr: heldUntilAttribute,
    statusAttr: statusAttribute,
  });
  // The default is MD5, which Node.js does not have in FIPS mode.
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

/** Makes the leases. */
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
    // Without a result, because the target has the message.
    complete: (id, idempotencyKey) =>
      withLayer(id, ({ layer }) => layer.saveSuccess(idempotencyKey, undefined as never)),
    release: (id, idempotencyKey) => withLayer(id, ({ layer }) => layer.deleteRecord(idempotencyKey)),
  };
};
