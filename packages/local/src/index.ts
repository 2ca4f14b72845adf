export { type DrainedMessage, drainQueue, type QueueReader } from "./drain-queue.ts";
export type { AwsClientConfig } from "./engines/aws-engine.ts";
export { type DynamodbEngine, type DynamodbEngineOptions, startDynamodb } from "./engines/dynamodb.ts";
export { startElasticmq } from "./engines/elasticmq.ts";
export { EngineFailedError, EngineMissingError } from "./engines/engine-error.ts";
export { type DescribeWith, engineOrSkip, type TestRunner } from "./engines/engine-or-skip.ts";
export { type Engines, startEngines, type WantedEngines } from "./engines/engines.ts";
export { freePort } from "./engines/free-port.ts";
export { type MinistackEngine, type MinistackEngineOptions, startMinistack } from "./engines/ministack.ts";
export { type MotoEngine, type MotoEngineOptions, startMoto } from "./engines/moto.ts";
export { type OpensearchEngine, type OpensearchEngineOptions, startOpensearch } from "./engines/opensearch.ts";
export { type OpensearchVersion, opensearchVersions } from "./engines/opensearch-release.ts";
export { type PostgresEngine, type PostgresEngineOptions, startPostgres } from "./engines/postgres.ts";
export { type SqsEngine, type SqsEngineOptions, startSqs } from "./engines/sqs.ts";
export type { Counters } from "./event-source-mapping/counters.ts";
export { type EventSourceMapping, eventSourceMapping } from "./event-source-mapping/event-source-mapping.ts";
export type { FilterCriteria } from "./event-source-mapping/filter.ts";
export type { DynamodbStreamEvent, DynamodbStreamHandler } from "./event-source-mapping/invoke.ts";
export type { DiscardedBatch, OnFailureDestination } from "./event-source-mapping/on-failure.ts";
export type { EventSourceMappingOptions } from "./event-source-mapping/options.ts";
export { type FakeClock, fakeClock } from "./fake-clock.ts";
export { type FakeStreams, type FakeStreamsOptions, fakeStreams } from "./fake-streams.ts";
export {
  type FaultAnswers,
  type FaultyProxy,
  type ProxiedRequest,
  type ProxyAnswer,
  type ProxyFault,
  type ProxyScript,
  startFaultyProxy,
} from "./faulty-proxy.ts";
export type { LambdaContext } from "./lambda/function-call.ts";
export type { SqsRecord, SqsRecordAttribute } from "./sqs-event-source-mapping/message.ts";
export type { SqsEvent, SqsEventSourceMappingOptions, SqsHandler } from "./sqs-event-source-mapping/options.ts";
export type { SqsCounters } from "./sqs-event-source-mapping/poller.ts";
export type { QueueClient } from "./sqs-event-source-mapping/queue.ts";
export {
  type SqsEventSourceMapping,
  sqsEventSourceMapping,
} from "./sqs-event-source-mapping/sqs-event-source-mapping.ts";
export { type StreamShard, type StreamsClient, StreamsError, streamsClient } from "./streams-client.ts";
export { startTcpProxy, type TcpProxy, type TcpProxyMode } from "./tcp-proxy.ts";
