// Whatever text an item holds, a path segment of it is the segment that the server receives, or the delivery is rejected.

import querystring from "node:querystring";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { webhookSink } from "../src/index.ts";
import { deliveryOf, invocation } from "./support/deliveries.ts";
import { type Endpoint, openEndpoint } from "./support/endpoint.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let endpoint: Endpoint;

beforeAll(async () => {
  endpoint = await openEndpoint();
});

afterAll(() => endpoint.stop());

const hostile = fc.array(
  fc.constantFrom(
    ".",
    "..",
    "/",
    "\\",
    "%",
    "2e",
    "%2e",
    "%2F",
    ";",
    "?",
    "#",
    "&",
    "key=",
    "@",
    ":",
    "\t",
    "\n",
    " ",
    "ö",
    "\u0000",
    "\ud83d",
    "a",
  ),
  { maxLength: 5 },
);

const text = fc.oneof(
  hostile.map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 12 }),
);

const encodedOr = (raw: string, isEncoded: boolean): string => {
  try {
    return isEncoded ? encodeURIComponent(raw) : raw;
  } catch {
    return raw; // half of a surrogate pair
  }
};

/** `unescape` also decodes bytes that are not UTF-8, which a path that is not encoded may have. */
const decodedPath = (path: string): { readonly segments: readonly string[]; readonly query: string } => {
  const [before = "", ...query] = path.split("?");
  return { segments: before.split("/").map((segment) => querystring.unescape(segment)), query: query.join("?") };
};

test(`a server receives the very segment below the sink's path, with the API key (seed ${seed})`, async () => {
  const sink = webhookSink({
    url: `${endpoint.url}?key=secret`,
    secrets: [],
    allowAddresses: ["127.0.0.1"],
    timeoutMs: 60_000,
  });
  await fc.assert(
    fc.asyncProperty(text, fc.boolean(), async (raw, isEncoded) => {
      const before = endpoint.received.length;
      const message = { method: "DELETE" as const, path: `/items/${encodedOr(raw, isEncoded)}` };
      const [result] = await sink.write([deliveryOf(message)], invocation());
      if (result?.outcome === "failed") {
        expect(result.error).toMatchObject({ code: "SINK_REJECTED" });
        expect(result.error.message).toContain("message.path");
        expect(endpoint.received).toHaveLength(before);
        return;
      }
      const { segments, query } = decodedPath(endpoint.received.at(-1)?.path ?? "");
      expect(segments.slice(0, 3)).toEqual(["", "hook", "items"]);
      expect(query.startsWith("key=secret")).toBe(true);
      expect(segments.slice(3).every((segment) => !["", ".", ".."].includes(segment))).toBe(true);
      if (isEncoded) expect(segments.slice(3)).toEqual([raw]);
    }),
    { seed, numRuns: 400 },
  );
  await sink.close?.();
});
