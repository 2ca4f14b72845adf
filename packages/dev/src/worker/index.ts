export type { DevQueue, TableKey, TableKeyAttribute, WorkerPlace } from "./messages.ts";
export {
  type MethodCall,
  serveWorker,
  type UserModule,
  type WorkerMethods,
  type WorkerProgram,
} from "./serve-worker.ts";
