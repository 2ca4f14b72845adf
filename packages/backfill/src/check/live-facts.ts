// Asks Lambda which functions get the changes of a table.

import type { LiveFacts, MappingFacts } from "./facts.ts";

/** The method of the SDK's client `Lambda` that lists event source mappings. You may pass your own client of that class. */
export interface MappingsClient {
  readonly listEventSourceMappings: (input: {
    EventSourceArn: string;
    FunctionName?: string;
    Marker?: string;
  }) => Promise<{
    readonly EventSourceMappings?:
      | readonly {
          readonly FunctionArn?: string | undefined;
          readonly State?: string | undefined;
          readonly StartingPosition?: string | undefined;
          readonly LastModified?: Date | undefined;
        }[]
      | undefined;
    readonly NextMarker?: string | undefined;
  }>;
}

/** The function's name in an ARN, without version or alias. */
const nameIn = (functionArn = ""): string => functionArn.split(":")[6] ?? functionArn;

/** Lists the event source mappings of a stream. With a function's name, only those of the function. */
export const liveFacts = async (
  client: MappingsClient,
  streamArn: string,
  functionName: string | undefined,
): Promise<LiveFacts> => {
  const mappings: MappingFacts[] = [];
  let marker: string | undefined;
  do {
    const { EventSourceMappings = [], NextMarker } = await client.listEventSourceMappings({
      EventSourceArn: streamArn,
      ...(functionName !== undefined && { FunctionName: functionName }),
      ...(marker !== undefined && { Marker: marker }),
    });
    for (const { FunctionArn, State, StartingPosition, LastModified } of EventSourceMappings) {
      mappings.push({
        functionName: nameIn(FunctionArn),
        state: State ?? "unknown",
        startingPosition: StartingPosition,
        lastModifiedMs: LastModified?.getTime(),
      });
    }
    marker = NextMarker || undefined;
  } while (marker !== undefined);
  return { kind: "mappings", functionName, mappings };
};
