import base from "./jest.config.js";

// What runs on Node 22 and 24 too (docs/node-versions.md): everything that needs no engine, one path from a table
// to its targets, and bundles of all examples.
export default {
  ...base,
  testMatch: [
    "<rootDir>/packages/{core,backfill,testing,cli,cdk,workflow}/test/**/*.test.ts",
    "<rootDir>/packages/sink-*/test/**/{encode,classify,options}.test.ts",
    "<rootDir>/test/end-to-end.test.ts",
    "<rootDir>/test/bundling.test.ts",
  ],
  testPathIgnorePatterns: ["/node_modules/", "\\.integration\\.test\\.ts$"],
};
