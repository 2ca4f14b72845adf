import base from "./jest.config.js";

// What runs on Node 22 and 24 too (docs/node-versions.md): all that needs no engine, one path from a table
// to its targets, and bundles of all examples.
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
  testPathIgnorePatterns: ["/node_modules/", "\\.integration\\.test\\.ts$"],
};
