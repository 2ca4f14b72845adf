import { availableParallelism, totalmem } from "node:os";

/** Tests wait for their engines half of their time, so two workers share a processor. A worker and its engines need 4 GB. */
const workers = Math.min(2 * availableParallelism(), Math.floor(totalmem() / 4e9));

export default {
  extensionsToTreatAsEsm: [".ts"],
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["@sluice/source", "node", "node-addons"] },
  testMatch: [
    "<rootDir>/packages/*/test/**/*.test.ts",
    "<rootDir>/examples/*/test/**/*.test.ts",
    "<rootDir>/bench/test/**/*.test.ts",
    "<rootDir>/test/**/*.test.ts",
  ],
  modulePathIgnorePatterns: ["<rootDir>/.*/dist/"],
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" } }],
  },
  testSequencer: "<rootDir>/scripts/jest-sequencer.js",
  maxWorkers: Math.max(2, workers),
  // Modules of earlier files stay in a worker's memory: at 4 GB it crashed, after minutes of collecting garbage.
  workerIdleMemoryLimit: "1GB",
  testTimeout: 180_000,
};
