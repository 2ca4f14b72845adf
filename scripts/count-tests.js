// Prints "<passed> passed, <failed> failed" for a Jest run, from its --outputFile and its exit status. A run without a file,
// without tests, or with a failure status but no failed test counts as one failure.

import { existsSync, readFileSync } from "node:fs";

const [path = "", status = "1"] = process.argv.slice(2);
const results = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
const { numPassedTests = 0, numFailedTests = 0, numRuntimeErrorTestSuites = 0 } = results;
const counted = numFailedTests + numRuntimeErrorTestSuites;
const unexplained = counted === 0 && (status !== "0" || numPassedTests === 0) ? 1 : 0;
console.log(`${numPassedTests} passed, ${counted + unexplained} failed`);
