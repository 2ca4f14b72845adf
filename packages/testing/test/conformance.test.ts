import { describe, test } from "@jest/globals";
import { conforms } from "@sluice/testing";
import { appendConformance, upsertConformance } from "./conformance/memory-rigs.ts";

conforms({ describe, test }, { ...upsertConformance(), name: "memoryUpsertSink" });
conforms({ describe, test }, { ...appendConformance(), name: "memoryAppendSink" });
