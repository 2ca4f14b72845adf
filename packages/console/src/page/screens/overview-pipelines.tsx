// The pipelines and their status. A broken one says why.

import type { About } from "../../api/about.ts";
import type { Overview, PipelineNow } from "../../api/overview.ts";
import { durationText } from "../format.ts";
import { Notice } from "../parts/notice.tsx";
import { Status } from "../parts/status.tsx";

interface PipelinesProps {
  readonly about: About;
  readonly now: Overview;
}

const Broken = ({ mode, pipeline }: { readonly mode: About["mode"]; readonly pipeline: PipelineNow }) => (
  <Notice tone="bad" title={`${pipeline.name} does not run`}>
    {pipeline.reason !== undefined && (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, and the keyboard must be able to scroll them.
      <section class="reason" tabIndex={0} aria-label={`Why ${pipeline.name} does not run`}>
        <pre>{pipeline.reason}</pre>
      </section>
    )}
    <p>
      {mode === "dev"
        ? "The pipeline is loaded again as soon as a file of its module is saved."
        : "The doctor says which command mends it."}
    </p>
  </Notice>
);

/** A line for each pipeline, and the whole reason of each broken one. */
export const Pipelines = ({ about, now }: PipelinesProps) => (
  <section class="pipelines" aria-label="Pipelines">
    {now.pipelines
      .filter(({ status }) => status === "broken")
      .map((pipeline) => (
        <Broken key={pipeline.name} mode={about.mode} pipeline={pipeline} />
      ))}
    <ul class="pipeline-list">
      {now.pipelines.map(({ name, status, since, notes = [] }) => {
        const table = about.pipelines.find((pipeline) => pipeline.name === name)?.table;
        return (
          <li key={name} class="pipeline">
            <Status status={status} />
            <strong class="pipeline-name">{name}</strong>
            {table !== undefined && table !== name && <span class="muted pipeline-table">table {table}</span>}
            <span class="muted" title={new Date(since).toLocaleString()}>
              for {durationText(Math.max(0, now.at - since))}
            </span>
            {notes.map((note) => (
              <span key={note} class="muted">
                {note}
              </span>
            ))}
          </li>
        );
      })}
    </ul>
  </section>
);
