// Concludes from the sights the state of the item in each target. The newest change that a target lacks decides: older ones
// would be superseded by it. Where a source was not read, the conclusion says so.

import { type Answer, isAnswered } from "../aws/answer.ts";
import type {
  Conclusion,
  HeldSight,
  LoggedDelivery,
  LogSight,
  QueuedDelivery,
  QueueKind,
  QueuePart,
  StreamChange,
  StreamSight,
  TargetSight,
} from "./story.ts";

/** Everything that a conclusion depends on. */
export interface Sights {
  /** The pipeline's routes, in its order. */
  readonly routes: readonly string[];
  readonly stream: Answer<StreamSight>;
  readonly targets: readonly TargetSight[];
  readonly queues: readonly QueuePart[];
  readonly logs: Answer<LogSight>;
}

/** A failed delivery with the queue that it waits in. */
interface Waiting extends QueuedDelivery {
  readonly kind: QueueKind;
  readonly queueUrl: string;
}

const waitingOf = (queues: readonly QueuePart[], routes: readonly string[]): readonly Waiting[] =>
  queues.flatMap(({ kind, queueUrl, sight }) =>
    isAnswered(sight)
      ? sight.value.deliveries.filter(({ route }) => routes.includes(route)).map((one) => ({ ...one, kind, queueUrl }))
      : [],
  );

const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : several}`;

/** A time in seconds, as DynamoDB tells it. */
const secondOf = (iso: string): string => iso.replace(/\.\d{3}Z$/, "Z");

const attemptsText = (attempts: number): string => `after ${counted(attempts, "attempt")}`;

/** Where a change may be that no source shows. */
const unseenPlaces = (queues: readonly QueuePart[]): string[] => {
  const kinds: readonly QueueKind[] = ["retry queue", "dead letters"];
  const unread = kinds.flatMap((kind) => {
    const own = queues.filter((queue) => queue.kind === kind);
    if (own.length === 0) return [`in ${kind === "retry queue" ? "a retry queue" : "dead letters"}, if there are any`];
    return own.some(({ sight }) => !isAnswered(sight)) ? [`in the ${kind}, which could not be read`] : [];
  });
  const hidden = queues.flatMap(({ name, sight }) => {
    if (!isAnswered(sight)) return [];
    const { hidden: unseen, unread: elsewhere, batches } = sight.value;
    return [
      ...(unseen > 0 ? [`among ${counted(unseen, "hidden message")} of ${name}`] : []),
      ...(elsewhere > 0 ? [`among ${counted(elsewhere, "record")} in S3 of ${name} that were not read`] : []),
      ...(batches > 0 ? [`in ${counted(batches, "batch", "batches")} of ${name} that Lambda gave up on`] : []),
    ];
  });
  return [...hidden, ...unread];
};

const orList = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")}, or ${parts.at(-1)}`;

const newest = <One extends { readonly version: string | undefined }>(list: readonly One[]): One | undefined =>
  list.reduce<One | undefined>(
    (best, one) => (best === undefined || (one.version ?? "") >= (best.version ?? "") ? one : best),
    undefined,
  );

type Found = Pick<Conclusion, "state" | "sentence" | "deadLetter">;

/** The state that a waiting delivery explains. */
const waitingState = ({ kind, queueUrl, id, code, firstFailedAt, attempts }: Waiting): Found =>
  kind === "retry queue"
    ? {
        state: "behind",
        sentence: `on its way since ${secondOf(firstFailedAt)}: waits in the retry queue, ${code} ${attemptsText(attempts)}`,
      }
    : {
        state: "rejected",
        sentence: `rejected with ${code} at ${secondOf(firstFailedAt)} ${attemptsText(attempts)}: dead letter ${id}`,
        deadLetter: { id, queueUrl },
      };

/** The last line of the log about a change in these routes. */
const lastLogged = ({ logs }: Sights, eventId: string, routes: readonly string[]): LoggedDelivery | undefined =>
  isAnswered(logs)
    ? logs.value.deliveries.findLast((one) => one.eventId === eventId && routes.includes(one.route))
    : undefined;

const withCode = (text: string, code: string | undefined): string =>
  code === undefined ? text : `${text} with ${code}`;

/** Whether a target holds the change or a later one, so that the function has received the change. */
const isSeenElsewhere = ({ version }: StreamChange, { targets }: Sights): boolean =>
  targets.some(({ held }) => isAnswered(held) && !held.value.isAhead && (held.value.version ?? "") >= version);

/** A change that the target lacks and no queue shows. `first` is the oldest such change, and `latest` the newest. */
const inStream = (first: StreamChange, latest: StreamChange, routes: readonly string[], sights: Sights): Found => {
  const logged = lastLogged(sights, latest.eventId, routes);
  if (logged !== undefined && /^(dead letter|rejected)$/.test(logged.outcome)) {
    const found = withCode("rejected", logged.code);
    return {
      state: "rejected",
      sentence: `${found} at ${secondOf(logged.at)}, as the log says; no dead letter of it was seen`,
    };
  }
  if (logged !== undefined && /^(filtered|superseded)$/.test(logged.outcome)) {
    return {
      state: "differs",
      sentence: `differs: the last change was ${logged.outcome} at ${secondOf(logged.at)}, as the log says, and the target lacks it`,
    };
  }
  const since = first.at === undefined ? "" : ` since ${first.at}`;
  const waits = isSeenElsewhere(latest, sights) ? "waits to be retried in the stream" : "waits in the stream";
  const places = orList([waits, ...unseenPlaces(sights.queues).map((place) => `is ${place}`), "was given up"]);
  const tried =
    logged === undefined ? "" : `; ${withCode(`last ${logged.outcome} at ${secondOf(logged.at)}`, logged.code)}`;
  return {
    state: "behind",
    sentence: `behind${since}: the target lacks this change (${first.kind}), which ${places}${tried}`,
  };
};

const differences: { readonly [Class in NonNullable<HeldSight["difference"]>]: string } = {
  missing: "the target has no copy",
  "wrongly-removed": "the target has a tombstone, and the item exists",
  stale: "the copy is older than the item",
  different: "the copy differs",
  unexpected: "the target has a copy that the filter or the mapper refuses",
  ghost: "the target has a copy, and the item does not exist",
};

const differenceText = ({ difference = "different", members, version }: HeldSight): string => {
  if (difference === "different" && members.length === 0 && version === "") return "the copy has no version";
  return `${differences[difference]}${members.length === 0 ? "" : ` in ${members.join(", ")}`}`;
};

/** What keeps a trace from knowing the reason of a difference. */
const gaps = ({ stream, queues }: Sights): string => {
  const places = unseenPlaces(queues);
  const streamGap = isAnswered(stream)
    ? stream.value.stopped === undefined
      ? []
      : [`the stream was read only in part, and stopped ${stream.value.stopped}`]
    : ["the stream was not read"];
  const parts = [...streamGap, ...(places.length > 0 ? [`a change may be ${orList(places)}`] : [])];
  return parts.length === 0 ? "" : `; ${parts.join("; ")}`;
};

const withoutReason = (held: HeldSight, sights: Sights): Found => {
  if (!held.isSteady)
    return { state: "behind", sentence: `the item was changed during the trace: ${differenceText(held)}` };
  const ahead = held.isAhead ? ", with a version that no change of this stream outranks" : "";
  return {
    state: "differs",
    sentence: `differs without a known reason: ${differenceText(held)}${ahead}${gaps(sights)}`,
  };
};

/** Explains a copy that is not as it should be. */
const explain = (held: HeldSight, routes: readonly string[], waiting: readonly Waiting[], sights: Sights): Found => {
  const lacks = ({ version }: { readonly version: string | undefined }): boolean =>
    version !== undefined && version > (held.version ?? "");
  const changes = isAnswered(sights.stream) ? sights.stream.value.changes : [];
  const lacking = changes.filter(lacks);
  const latest = newest(lacking);
  // The retry queue comes last, so that it counts if a delivery is in both queues.
  const inOrder = [...waiting].sort(
    (one, other) => Number(one.kind === "retry queue") - Number(other.kind === "retry queue"),
  );
  const queued = newest(inOrder.filter(lacks));
  if (latest !== undefined && (queued === undefined || latest.version > (queued.version ?? ""))) {
    return inStream(lacking[0] ?? latest, latest, routes, sights);
  }
  return queued === undefined ? withoutReason(held, sights) : waitingState(queued);
};

const stillOpen = (waiting: readonly Waiting[]): string => {
  const [first] = waiting;
  if (first === undefined) return "";
  const more = waiting.length === 1 ? "" : ` and ${counted(waiting.length - 1, "other")}`;
  return `; still in a queue: ${first.code} of ${secondOf(first.firstFailedAt)}${more}`;
};

const sameText = ({ state, compared, exists }: HeldSight): string => {
  if (compared === "kept") return "the item does not exist, and the target keeps its copy";
  if (state === "live") return "the copy equals the item";
  if (state === "hidden") return "the copy is behind that of another item with the same target key";
  const holds = state === "removed" ? "a tombstone" : "nothing";
  return exists
    ? `the filter or the mapper refuses the item, and the target holds ${holds}`
    : `the item does not exist, and the target holds ${holds}`;
};

const judged = (held: HeldSight, routes: readonly string[], waiting: readonly Waiting[], sights: Sights): Found => {
  const { compared, code } = held;
  if (compared === "different") return explain(held, routes, waiting, sights);
  if (compared !== "rejected") {
    return { state: "up to date", sentence: `up to date: ${sameText(held)}${stillOpen(waiting)}` };
  }
  const letter = newest(waiting.filter(({ kind }) => kind === "dead letters"));
  const where = letter === undefined ? "no dead letter of it was seen" : `dead letter ${letter.id}`;
  return {
    state: "rejected",
    sentence: `rejected: the pipeline refuses the item as it is now with ${code}; ${where}`,
    ...(letter && { deadLetter: { id: letter.id, queueUrl: letter.queueUrl } }),
  };
};

/** An append target, or none: each failed delivery counts, because no later change makes up for it. */
const unread = (reason: string, waiting: readonly Waiting[], sights: Sights): Found => {
  const letter = newest(waiting.filter(({ kind }) => kind === "dead letters"));
  const found = letter ?? newest(waiting);
  if (found !== undefined) return waitingState(found);
  const places = unseenPlaces(sights.queues);
  const queues = places.length === 0 ? "no queue has a change of the item" : `a change may be ${orList(places)}`;
  return { state: "unknown", sentence: `unknown: ${reason}; ${queues}` };
};

const concludeTarget = ({ routes, held }: TargetSight, sights: Sights): Conclusion => {
  const waiting = waitingOf(sights.queues, routes);
  if (isAnswered(held)) return { routes, isComparable: true, ...judged(held.value, routes, waiting, sights) };
  const { action, reason } = held.unanswered;
  // A later change may have reached the target, so that a failed delivery says nothing of the copy.
  const sentence = `unknown: ${reason} (${action})${stillOpen(waiting)}`;
  return { routes, isComparable: true, state: "unknown", sentence };
};

/** Concludes for each target, then for each route without one, and for routes that only messages name. */
export const conclude = (sights: Sights): readonly Conclusion[] => {
  const { routes, targets, queues } = sights;
  const written = new Set(targets.flatMap((target) => target.routes));
  const named = queues
    .flatMap(({ sight }) => (isAnswered(sight) ? sight.value.deliveries : []))
    .map(({ route }) => route);
  const former = [...new Set(named)].filter((route) => !routes.includes(route));
  const appended = routes.filter((route) => !written.has(route));
  const alone = (route: string, reason: string): Conclusion => ({
    routes: [route],
    isComparable: false,
    ...unread(reason, waitingOf(queues, [route]), sights),
  });
  return [
    ...targets.map((target) => concludeTarget(target, sights)),
    ...appended.map((route) => alone(route, "the target of an append route cannot be compared")),
    ...former.map((route) => alone(route, "the pipeline has no such route")),
  ];
};
