// The list of runs: newest first.

import { isLive, type RunView } from "../../api/runs.ts";
import { href } from "../address.ts";
import { countText, durationText } from "../format.ts";
import { Ago } from "../parts/ago.tsx";
import { now } from "../parts/clock.ts";
import { countsOf, inputText, kindWords } from "./run-form.ts";
import { RunStateSign } from "./run-state.tsx";

const doneText = ({ state, progress, result }: RunView): string => {
  if (isLive(state)) {
    if (progress === undefined) return "";
    const of = progress.total === undefined ? "" : ` of ${countText(progress.total)}`;
    return `${countText(progress.done)}${of}`;
  }
  return countsOf(result?.counts ?? progress?.counts ?? {})
    .slice(0, 3)
    .map(([name, count]) => `${countText(count)} ${name}`)
    .join(", ");
};

/** How long a run has taken. */
export const Took = ({ run: { startedAt, endedAt } }: { readonly run: RunView }) => (
  <>{durationText((endedAt ?? Math.max(now.value, startedAt)) - startedAt)}</>
);

const Row = ({ run }: { readonly run: RunView }) => (
  <tr>
    <th scope="row">
      <a href={href("/runs", { id: run.id })} data-row>
        {kindWords[run.input.kind]}
        <span class="visually-hidden"> of {run.input.pipeline}, started </span>
        <span class="visually-hidden">{new Date(run.startedAt).toLocaleTimeString("en-GB")}</span>
      </a>
    </th>
    <td data-label="state">
      <RunStateSign run={run} />
    </td>
    <td data-label="of" class="run-of">
      {run.input.pipeline}: {inputText(run.input)}
    </td>
    <td data-label="done">{doneText(run)}</td>
    <td data-label="started">
      <Ago at={run.startedAt} />
    </td>
    <td data-label="took" class="number">
      <Took run={run} />
    </td>
  </tr>
);

/** The runs. */
export const RunList = ({ runs }: { readonly runs: readonly RunView[] }) => (
  <div class="table-box">
    <table class="table table-cards">
      <thead>
        <tr>
          <th scope="col">run</th>
          <th scope="col">state</th>
          <th scope="col">of</th>
          <th scope="col">done</th>
          <th scope="col">started</th>
          <th scope="col" class="number">
            took
          </th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <Row key={run.id} run={run} />
        ))}
      </tbody>
    </table>
  </div>
);
