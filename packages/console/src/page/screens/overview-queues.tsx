// The queues of the pipelines.

import type { QueueNow } from "../../api/overview.ts";
import { href } from "../address.ts";
import { countText } from "../format.ts";
import { CopyButton } from "../parts/copy.tsx";

const QueueRow = ({ queue }: { readonly queue: QueueNow }) => {
  const { kind, name, pipeline, url, visible, inFlight, delayed, problem } = queue;
  const number = (count: number) => (problem === undefined ? countText(count) : "–");
  return (
    <tr>
      <th scope="row" class="queue-name">
        <div class="row-between">
          <div>
            <div class="clamp" title={name}>
              {kind === "dead letters" ? <a href={href("/dead-letters", { queue: url })}>{name}</a> : name}
            </div>
            <div class="muted small clamp">
              {kind} of {pipeline}
            </div>
            {problem !== undefined && <div class="bad small">{problem}</div>}
          </div>
          <CopyButton text={url} label={`Copy URL of ${name}`} />
        </div>
      </th>
      <td class={`number ${kind !== "retry queue" && visible > 0 ? "bad strong" : ""}`} data-label="Visible">
        {number(visible)}
      </td>
      <td class="number" data-label="In flight">
        {number(inFlight)}
      </td>
      <td class="number" data-label="Delayed">
        {number(delayed)}
      </td>
    </tr>
  );
};

/** A row for each queue. */
export const Queues = ({ queues }: { readonly queues: readonly QueueNow[] }) => (
  <section class="card" aria-labelledby="queues-title">
    <div class="card-head">
      <h2 id="queues-title">Queues</h2>
    </div>
    <div class="table-box">
      <table class="table table-cards">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="number">
              Visible
            </th>
            <th scope="col" class="number">
              In flight
            </th>
            <th scope="col" class="number">
              Delayed
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <QueueRow key={queue.url} queue={queue} />
          ))}
        </tbody>
      </table>
    </div>
  </section>
);
