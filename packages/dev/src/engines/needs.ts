// Which engines a module needs: those of the sinks and clients that it imports.

import type { ModuleGraph } from "../graph/graph.ts";

/** An engine besides DynamoDB and SQS, which every pipeline needs. */
export type EngineName = "postgres" | "opensearch" | "smtp" | "http";

const engineOf: Readonly<Record<string, EngineName>> = {
  "@sluice/sink-postgres": "postgres",
  pg: "postgres",
  "@sluice/sink-opensearch": "opensearch",
  "@opensearch-project/opensearch": "opensearch",
  "@sluice/sink-email": "smtp",
  nodemailer: "smtp",
  "@sluice/sink-webhook": "http",
  "@sluice/sink-eventbridge": "http",
};

/** The engines that modules need. A module that sends mails may use SES, for which the HTTP server stands. */
export const enginesFor = (graphs: readonly ModuleGraph[]): ReadonlySet<EngineName> => {
  const names = graphs.flatMap(({ packages }) => [...packages].map((name) => engineOf[name]));
  const needed = new Set(names.filter((name) => name !== undefined));
  if (needed.has("smtp")) needed.add("http");
  return needed;
};
