export type { DevQueue, KeyAttribute, TableKey, WorkerPlace } from "./messages.ts";
export {
  type MethodCall,
  serveWorker,
  type UserModule,
  type WorkerMethods,
  type WorkerProgram,
} from "./serve-worker.ts";
