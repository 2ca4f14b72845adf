// What must hold when every queue is drained. The expectation comes from the plan and the table's changes alone.

import { contentOf, matches, routeName } from "./behaviour.ts";
import type { FilterPlan, PipelinePlan, RoutePlan } from "./plan.ts";
import type { Item, TableChange } from "./table.ts";
import type { Accepted, AppendTarget, UpsertTarget } from "./targets.ts";
import { deliveryName, type World } from "./world.ts";

/** Whether a filter must match, must not match, or may match an item, at any time from `from` to `to`. */
const judge = (filters: readonly FilterPlan[], item: Item, from: number, to: number): "yes" | "no" | "maybe" => {
  const answers = new Set(filters.flatMap((filter) => [matches(filter, item, from), matches(filter, item, to)]));
  if (answers.size > 1) return "maybe";
  return answers.has(true) ? "yes" : "no";
};

interface Placed {
  readonly pipeline: PipelinePlan;
  readonly route: RoutePlan;
}

const placedRoutes = ({ plan }: World, writes: RoutePlan["writes"]): Placed[] =>
  plan.pipelines.flatMap((pipeline) =>
    pipeline.routes.filter((route) => route.writes === writes).map((route) => ({ pipeline, route })),
  );

const letters = (world: World): ReadonlySet<string> =>
  new Set(world.deadLetters.messages.map((message) => world.deliveryOf(message)));

const acceptedBy = (world: World, { pipeline, route }: Placed): Accepted[] => {
  const { accepted } = world.appendTargets.get(route.target) as AppendTarget;
  return accepted.filter(({ message }) => message.pipeline === pipeline.name && message.route === routeName(route));
};

const label = ({ item, position }: TableChange): string => `change ${position} of ${item}`;

/** Every change that an append route takes is in its target, or in the dead-letter queue for its pipeline and route. */
const checkAppend = (world: World, placed: Placed): string[] => {
  const { pipeline, route } = placed;
  const accepted = acceptedBy(world, placed);
  const arrived = new Set(accepted.map(({ eventId }) => eventId));
  const dead = letters(world);
  const of = `${pipeline.name}/${routeName(route)}`;
  const problems: string[] = [];
  for (const change of world.changes) {
    const item = change.after ?? (change.before as Item);
    const answer = judge(route.filters, item, change.at, world.scheduler.now);
    const isDead = dead.has(deliveryName(pipeline.name, routeName(route), change.eventId));
    if (answer === "yes" && !arrived.has(change.eventId) && !isDead)
      problems.push(`loss: ${label(change)} is neither sent by ${of} nor a dead letter`);
    if (answer === "no" && arrived.has(change.eventId))
      problems.push(`filter: ${label(change)} was sent by ${of} against its filter`);
  }
  const known = new Set(world.changes.map(({ eventId }) => eventId));
  if (accepted.some(({ eventId }) => !known.has(eventId)))
    problems.push(`stranger: ${of} sent a record of another table`);
  return [...problems, ...checkOrder(world, placed, accepted), ...checkRepeats(of, accepted)];
};

/** No change is first sent before an earlier change of its item, unless one of the two is sent from a dead letter. */
const checkOrder = (world: World, { pipeline, route }: Placed, accepted: readonly Accepted[]): string[] => {
  const first = new Map<string, number>();
  accepted.forEach(({ eventId }, index) => {
    if (!first.has(eventId)) first.set(eventId, index);
  });
  const isFromDeadLetter = ({ eventId }: TableChange, index: number): boolean => {
    const deadAt = world.deadLettered.get(deliveryName(pipeline.name, routeName(route), eventId));
    return deadAt !== undefined && deadAt <= (accepted[index] as Accepted).at;
  };
  const sent = world.changes.flatMap((change) => {
    const index = first.get(change.eventId);
    return index === undefined || isFromDeadLetter(change, index) ? [] : [{ ...change, index }];
  });
  return sent.flatMap((later) =>
    sent
      .filter(({ item, position, index }) => item === later.item && position < later.position && index > later.index)
      .map(
        ({ position }) => `order: ${pipeline.name}/${routeName(route)} sent ${label(later)} before change ${position}`,
      ),
  );
};

/** Within an invocation, a change whose request was answered with success is not sent again. */
const checkRepeats = (of: string, accepted: readonly Accepted[]): string[] => {
  const answered = new Set<string>();
  const problems: string[] = [];
  for (const { eventId, invocation, isAnswered, message } of accepted) {
    const key = `${invocation} ${eventId}`;
    if (answered.has(key)) problems.push(`repeat: ${of} sent a change of ${message.item} twice in one invocation`);
    if (isAnswered) answered.add(key);
  }
  return problems;
};

/** The expected copy of an item in a target: one of these contents, or undefined for none. */
type Expected = ReadonlySet<string | undefined>;

const mapped = ({ mapper }: RoutePlan, { before }: TableChange, after: Item): string | undefined =>
  (mapper === "kind" || mapper === "before") && before === undefined ? undefined : contentOf(after);

/** The contents that earlier changes of an item had. */
const earlierContents = ({ changes }: World, { item, position }: TableChange): string[] =>
  changes.flatMap(({ item: other, position: at, after }) =>
    other === item && at < position && after !== undefined ? [contentOf(after)] : [],
  );

/** The copies that one route may leave after the last change of an item. */
const copiesOfRoute = (world: World, route: RoutePlan, last: TableChange, after: Item): Expected => {
  const content = mapped(route, last, after);
  const answer = judge(route.filters, after, last.at, world.scheduler.now);
  if (answer === "yes") return new Set([content]);
  // A copy may stay if the filter has changed its answer without a change of the item, unless the route removes it.
  const isPure = route.filters.length === 1 && route.filters[0]?.kind !== "clock";
  const left = isPure || route.removesUnmatched ? [] : earlierContents(world, last);
  return new Set([undefined, ...left, ...(answer === "maybe" ? [content] : [])]);
};

/** The copies that a target may hold of an item. A copy that any version of the function has written stays. */
const expectedOf = (world: World, target: number, last: TableChange, hasConfirmedCopy: boolean): Expected => {
  const { after } = last;
  if (after === undefined) return new Set([undefined]);
  const routes = placedRoutes(world, "upsert").filter(({ route }) => route.target === target);
  const copies = routes.map(({ route }) => ({ route, contents: copiesOfRoute(world, route, last, after) }));
  const certain = copies.find(({ contents }) => !contents.has(undefined));
  if (certain !== undefined) return certain.contents;
  const written = copies.find(
    ({ route, contents }) => hasConfirmedCopy && route.filters.length > 1 && contents.has(contentOf(after)),
  );
  return written === undefined ? new Set(copies.flatMap(({ contents }) => [...contents])) : new Set([contentOf(after)]);
};

/** Whether the last change of an item is a dead letter, so that its copy may be older. */
const isLastDead = (world: World, target: number, { eventId }: TableChange, dead: ReadonlySet<string>): boolean =>
  placedRoutes(world, "upsert").some(
    ({ pipeline, route }) =>
      route.target === target && dead.has(deliveryName(pipeline.name, routeName(route), eventId)),
  );

const isConfirmed = ({ confirmed }: UpsertTarget, { item, record }: TableChange): boolean =>
  (confirmed.get(item) ?? "").endsWith(`-${(record.dynamodb?.SequenceNumber ?? "").padStart(40, "0")}`);

/** The copies that a row may show, given the last changes of its items. The newest copy is shown. */
const expectedRow = (lasts: readonly TableChange[], copiesOf: (last: TableChange) => Expected): Expected => {
  const shown = new Set<string | undefined>();
  for (const last of lasts.toSorted((a, b) => b.position - a.position)) {
    const copies = copiesOf(last);
    for (const content of copies) if (content !== undefined) shown.add(`${last.item} ${content}`);
    if (!copies.has(undefined)) return shown;
  }
  return shown.add(undefined);
};

/** Every upsert target shows the last state of every item, value by value. */
const checkUpsert = (world: World, number: number, target: UpsertTarget): string[] => {
  const dead = letters(world);
  const rows = new Map<string, Map<string, TableChange>>();
  for (const change of world.changes) {
    const row = target.rowOf(change.after ?? (change.before as Item));
    rows.set(row, (rows.get(row) ?? new Map<string, TableChange>()).set(change.item, change));
  }
  const problems: string[] = [];
  for (const [row, changes] of rows) {
    const lasts = [...changes.values()];
    if (lasts.some((last) => isLastDead(world, number, last, dead))) continue;
    const expected = expectedRow(lasts, (last) => expectedOf(world, number, last, isConfirmed(target, last)));
    const message = target.shown(row);
    const found = message && `${message.item} ${message.content}`;
    if (expected.has(found)) continue;
    const wanted = [...expected].map((content) => content ?? "no copy").join(" or ");
    problems.push(`convergence: target ${number} shows ${found ?? "no copy"} in row ${row}; expected ${wanted}`);
  }
  return problems;
};

/** Returns everything that is wrong in a world that has come to rest. */
export const problemsIn = (world: World): readonly string[] => [
  ...world.violations,
  ...placedRoutes(world, "append").flatMap((placed) => checkAppend(world, placed)),
  ...[...world.upsertTargets].flatMap(([number, target]) => checkUpsert(world, number, target)),
];
