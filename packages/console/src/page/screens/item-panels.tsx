// What a trace says of an item: the conclusion of each target, the sources, and the values on a click.

import type { Conclusion, HeldSight, ItemTrace, TargetSight } from "@sluice/inspect";
import type { ComponentChildren } from "preact";
import type { ItemQuestion, ItemValues, TargetValues } from "../../api/item.ts";
import { href } from "../address.ts";
import { post } from "../client.ts";
import { CopyButton } from "../parts/copy.tsx";
import type { IconName } from "../parts/icon.tsx";
import { State } from "../parts/state.tsx";
import { Comparison, ImageTree, Reveal } from "../parts/values.tsx";
import {
  asSentence,
  comparedText,
  existsIn,
  heldNotes,
  heldText,
  queueText,
  streamText,
  toneOf,
  unansweredText,
  versionText,
} from "./item-text.ts";

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const Held = ({ sight, trace }: { readonly sight: HeldSight; readonly trace: ItemTrace }) => {
  const changes = "value" in trace.stream ? trace.stream.value.changes : [];
  const notes = heldNotes(sight);
  return (
    <>
      <Fact name="holds">{heldText(sight)}</Fact>
      <Fact name="compared">{comparedText(sight)}</Fact>
      {sight.members.length > 0 && (
        <Fact name="members">
          {sight.members.map((member) => (
            <code key={member} class="member">
              {member}
            </code>
          ))}
        </Fact>
      )}
      {sight.version !== undefined && (
        <Fact name="version">
          <span class="with-copy">
            {versionText(sight.version, changes)}
            <CopyButton text={sight.version} label="Copy version" />
          </span>
        </Fact>
      )}
      {notes.map((note) => (
        <Fact key={note} name="note">
          {note}
        </Fact>
      ))}
    </>
  );
};

const stateIcons: Readonly<Record<Conclusion["state"], IconName>> = {
  "up to date": "check",
  behind: "retried",
  rejected: "rejected",
  differs: "warning",
  unknown: "hidden",
};

const isOf = (routes: readonly string[]) => (target: TargetSight) =>
  target.routes.length === routes.length && target.routes.every((route) => routes.includes(route));

const deadLetterLink = ({ id, queueUrl }: NonNullable<Conclusion["deadLetter"]>): string =>
  href("/dead-letters", { queue: queueUrl, text: id });

const ConclusionCard = ({ conclusion, trace }: { readonly conclusion: Conclusion; readonly trace: ItemTrace }) => {
  const { routes, state, sentence, deadLetter } = conclusion;
  const target = trace.targets.find(isOf(routes));
  return (
    <li class="card conclusion">
      <div class="card-head">
        <h3 class="conclusion-routes">{routes.join(", ")}</h3>
        <State tone={toneOf[state]} text={state} icon={stateIcons[state]} />
      </div>
      <div class="card-body stack-small">
        <p>{asSentence(sentence)}</p>
        {deadLetter !== undefined && (
          <p>
            <a href={deadLetterLink(deadLetter)}>Go to its dead letter</a>
          </p>
        )}
        {target !== undefined && (
          <dl class="facts">
            {"value" in target.held ? (
              <Held sight={target.held.value} trace={trace} />
            ) : (
              <Fact name="target">{unansweredText(target.held.unanswered)}</Fact>
            )}
          </dl>
        )}
      </div>
    </li>
  );
};

/** The conclusion of each target. */
export const Conclusions = ({ trace }: { readonly trace: ItemTrace }) => (
  <ul class="conclusions">
    {trace.conclusions.map((conclusion) => (
      <ConclusionCard key={conclusion.routes.join()} conclusion={conclusion} trace={trace} />
    ))}
  </ul>
);

const tableText = (trace: ItemTrace): string => {
  const exists = existsIn(trace);
  if (exists === undefined) return "unanswered" in trace.item ? unansweredText(trace.item.unanswered) : "unknown";
  return exists ? "has the item" : "does not have the item";
};

const logText = ({ logs }: ItemTrace): string => {
  if ("unanswered" in logs) return unansweredText(logs.unanswered);
  const { deliveries, isComplete } = logs.value;
  return `${deliveries.length.toLocaleString("en")} deliveries of the item${isComplete ? "" : "; not read to the end"}`;
};

/** What each source says of the item. */
export const Sources = ({ trace }: { readonly trace: ItemTrace }) => (
  <section class="card">
    <div class="card-head">
      <h2>Where this comes from</h2>
    </div>
    <dl class="card-body facts">
      <Fact name="table">
        <code>{trace.table}</code> {tableText(trace)}
      </Fact>
      <Fact name="stream">
        {"value" in trace.stream ? streamText(trace.stream.value) : unansweredText(trace.stream.unanswered)}
      </Fact>
      {trace.queues.map(({ name, kind, queueUrl, sight }) => (
        <Fact key={queueUrl} name={kind}>
          <code>{name}</code>: {"value" in sight ? queueText(sight.value) : unansweredText(sight.unanswered)}
          {kind === "dead letters" && "value" in sight && sight.value.deliveries.length > 0 && (
            <>
              {" "}
              <a href={href("/dead-letters", { queue: queueUrl })}>open</a>
            </>
          )}
        </Fact>
      ))}
      <Fact name="log">{logText(trace)}</Fact>
    </dl>
  </section>
);

const Target = ({ routes, held, expected, problem }: TargetValues) => (
  <section class="value-target">
    <h3>{routes.join(", ")}</h3>
    {problem === undefined ? (
      <Comparison held={held} expected={expected} />
    ) : (
      <p class="muted">{asSentence(problem)}</p>
    )}
  </section>
);

/** The values of the item, side by side with those of its copies, on a click. */
export const Values = ({ question }: { readonly question: ItemQuestion }) => (
  <section class="card">
    <div class="card-head">
      <h2>Values</h2>
    </div>
    <div class="card-body">
      <Reveal label="Show the values" load={() => post<ItemValues>("/api/item/values", question)}>
        {({ item, targets }) => (
          <div class="side-by-side">
            <section>
              <h3>Item in the table</h3>
              {item === undefined ? <p class="muted">The table has no such item.</p> : <ImageTree image={item} />}
            </section>
            <div class="stack">
              {targets.map((target) => (
                <Target key={target.routes.join()} {...target} />
              ))}
            </div>
          </div>
        )}
      </Reveal>
    </div>
  </section>
);
