// Prints "<passed> passed, <failed> failed" for a Jest run. Reads the --outputFile and the exit status of the run. If
// there is no file, if there are no tests, or if the status is a failure without a failed test, prints one failure.

import { existsSync, readFileSync } from "node:fs";

const [path = "", status = "1"] = process.argv.slice(2);
const results = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
const { numPassedTests = 0, numFailedTests = 0, numRuntimeErrorTestSuites = 0 } = results;
const counted = numFailedTests + numRuntimeErrorTestSuites;
const unexplained = counted === 0 && (status !== "0" || numPassedTests === 0) ? 1 : 0;
console.log(`${numPassedTests} passed, ${counted + unexplained} failed`);
