// The program of the process that has the user's module.

import { serveWorker } from "@sluice/dev/worker";
import { loadPipeline } from "../pipeline-module/pipeline-module.ts";
import { methodsOf } from "./methods.ts";

serveWorker({ load: loadPipeline, methods: methodsOf });
