import base from "./jest.config.js";

// What runs on Node 22 and 24 too (docs/node-versions.md): all that needs no engine, except some random histories, one
// path from a table to its targets, and bundles of all examples.
export default {
  ...base,
  testMatch: [
    "<rootDir>/packages/{core,backfill,testing,cli,console,workflow,rules}/test/**/*.test.ts",
    // Processes of modules, with Node's own IPC, and esbuild.
    "<rootDir>/packages/dev/test/{environment,graph,restart.property}.test.ts",
    // A stack is synthesised on the developer's machine. The other tests of the constructs look at its template.
    "<rootDir>/packages/cdk/test/{commonjs,sluice-pipeline}.test.ts",
    "<rootDir>/packages/sink-*/test/**/{encode,classify,options}.test.ts",
    "<rootDir>/test/end-to-end.test.ts",
    "<rootDir>/test/bundling.test.ts",
  ],
  testPathIgnorePatterns: [
    "/node_modules/",
    "\\.integration\\.test\\.ts$",
    // Many random cases of Sluice's own logic, with timers and engines that are models, on which Node has no influence.
    // Random values, which Node's JSON, numbers and buffers read and write, stay: decode, emf, malformed-messages, ….
    "/core/test/(dedupe|fail-over|item-queue|retry-in-queue|route-lag)\\.property\\.test\\.ts$",
    "/(cli/test/actions/queue|workflow/test/batch)\\.property\\.test\\.ts$",
    "/testing/test/random/history\\.test\\.ts$",
  ],
  // Both runs are at work at the same time.
  maxWorkers: 2,
};
