// The kit under node:test. node-test.test.ts runs this file.

import { describe, test } from "node:test";
import { conforms } from "@sluice/testing";
import { appendConformance, upsertConformance } from "../conformance/memory-rigs.ts";

const failing = process.env.BREAK_THE_RIG === "yes" ? { read: async () => [] } : {};

conforms({ describe, test }, { ...upsertConformance(() => failing), skip: { C16: "a printed reason" } });
conforms({ describe, test }, appendConformance());
