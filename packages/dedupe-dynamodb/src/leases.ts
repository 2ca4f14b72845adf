// Leases, kept by the persistence layer of Powertools' idempotency: a conditional put to lease, an update to complete,
// a delete to release. Its wrapper (makeIdempotent) is for one call at a time; a batch is acquired whole, sent in as few
// requests as its target allows, and concluded one by one.

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
import { partitionKey, routeText, sortKey, type Table, ttlAttribute } from "./table.ts";

/** Longer than any repeat: the stream keeps a record for 1 day, a queue a dead letter for 14. */
const keptForSeconds = 16 * 86_400;

const heldUntilAttribute = "in_progress_expiration";
const statusAttribute = "status";

const dynamodb: AwsService = {
  name: "DynamoDB",
  // A table with other keys, which is repaired like one that is missing.
  codes: { ResourceNotFound: "SINK_MISSING", Validation: "SINK_MISSING" },
};

/** The store's own trouble never rejects a delivery. */
const storeError = ({ route }: RouteId, error: unknown): SinkError => {
  const told = awsRequestError(`${route} dedupe store`, dynamodb, error);
  if (outcomeOf(told.code) === "retry") return told;
  return new SinkError("SINK_UNAVAILABLE", told.message, { cause: told });
};

type Powertools = typeof import("@aws-lambda-powertools/idempotency");

interface Layer {
  readonly layer: DynamoDBPersistenceLayer;
  readonly powertools: Powertools;
}

const packageName = "@aws-lambda-powertools/idempotency";

const user = 'dedupe: "always"';

type LayerClass = typeof DynamoDBPersistenceLayer;

/** The layer, but that a completed lease stays: Powertools deletes a record whatever it says. */
const guarded = async (Base: LayerClass, table: Table): Promise<LayerClass> => {
  const { ConditionalCheckFailedException, DeleteItemCommand } = await table.sdk();
  const client = await table.client();
  return class extends Base {
    // An invocation that was frozen while it gave a lease back may go on when another has sent the delivery.
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

/** One layer for each route: a layer keeps its prefix as state, and two routes at once would mix theirs up. */
const layerOf = async (table: Table, id: RouteId): Promise<Layer> => {
  const powertools = await import("@aws-lambda-powertools/idempotency").catch(missingDependency(user, packageName));
  const { DynamoDBPersistenceLayer } = await import("@aws-lambda-powertools/idempotency/dynamodb").catch(
    missingDependency(user, packageName),
  );
  const GuardedLayer = await guarded(DynamoDBPersistenceLayer, table);
  const layer = new GuardedLayer({
    tableName: table.name,
    awsSdkV3Client: await table.client(),
    // The other way round than it reads: the lease's id is the partition key, so that leases spread, and what is the
    // same for all of them stands in the sort key.
    keyAttr: sortKey,
    sortKeyAttr: partitionKey,
    staticPkValue: "acquire",
    expiryAttr: ttlAttribute,
    inProgressExpiryAttr: heldUntilAttribute,
    statusAttr: statusAttribute,
  });
  // Not MD5, its default, which a Node in FIPS mode does not have.
  const config = new powertools.IdempotencyConfig({ expiresAfterSeconds: keptForSeconds, hashFunction: "sha256" });
  layer.configure({ config, keyPrefix: `lease#${routeText(id)}` });
  return { layer, powertools };
};

const acquireIn = async (
  { layer, powertools }: Layer,
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

export const dynamodbLeases = (table: Table): Leases => {
  const layers = new Map<string, Promise<Layer>>();
  const layerFor = (id: RouteId): Promise<Layer> => {
    const known = layers.get(routeText(id)) ?? layerOf(table, id);
    layers.set(routeText(id), known);
    return known;
  };
  const asking = async <Value>(id: RouteId, ask: (layer: Layer) => Promise<Value>): Promise<Value> => {
    const layer = await layerFor(id);
    try {
      return await ask(layer);
    } catch (error) {
      throw storeError(id, error);
    }
  };
  return {
    acquire: (id, idempotencyKey, holdMs) => asking(id, (layer) => acquireIn(layer, idempotencyKey, holdMs)),
    // Without a result: what was sent is in the target.
    complete: (id, idempotencyKey) => asking(id, ({ layer }) => layer.saveSuccess(idempotencyKey, undefined as never)),
    release: (id, idempotencyKey) => asking(id, ({ layer }) => layer.deleteRecord(idempotencyKey)),
  };
};
