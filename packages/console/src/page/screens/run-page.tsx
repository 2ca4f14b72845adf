// One run: its progress, what can be done with it, and what it found.

import { useState } from "preact/hooks";
import { isLive, type RunView } from "../../api/runs.ts";
import { href } from "../address.ts";
import { post } from "../client.ts";
import { countText, durationText, rateText } from "../format.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Ago } from "../parts/ago.tsx";
import { CommandLine } from "../parts/copy.tsx";
import { Icon } from "../parts/icon.tsx";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { Progress } from "../parts/progress.tsx";
import { countsOf, inputText, kindWords, restMs } from "./run-form.ts";
import { Took } from "./run-list.tsx";
import { RunFindings, RunLetters } from "./run-results.tsx";
import { RunStateSign } from "./run-state.tsx";

type Verb = "pause" | "resume" | "cancel";

/** Asks for a pause, its end, or the end of the run. */
const useVerbs = (id: string, onRun: (run: RunView) => void) => {
  const [error, setError] = useState<unknown>();
  const [asked, setAsked] = useState<Verb>();
  const ask = async (verb: Verb): Promise<void> => {
    setAsked(verb);
    setError(undefined);
    try {
      onRun(await post<RunView>(`/api/runs/${encodeURIComponent(id)}/${verb}`, {}));
    } catch (problem) {
      setError(problem);
    } finally {
      setAsked(undefined);
    }
  };
  return { error, asked, ask };
};

interface ButtonsProps {
  readonly run: RunView;
  readonly asked: Verb | undefined;
  readonly onAsk: (verb: Verb) => void;
}

/** Pause and Resume are one button, so that the keyboard keeps its place. */
const Buttons = ({ run: { state, canPause }, asked, onAsk }: ButtonsProps) => {
  const isPaused = state === "paused";
  const canChange = (state === "running" || isPaused) && asked === undefined;
  return (
    <div class="row">
      {(canPause || isPaused) && isLive(state) && (
        <ActionButton isDisabled={!canChange} onAction={() => onAsk(isPaused ? "resume" : "pause")}>
          <Icon name={isPaused ? "play" : "pause"} /> {isPaused ? "Resume" : "Pause"}
        </ActionButton>
      )}
      {isLive(state) && (
        <ActionButton look="button-danger" isDisabled={!canChange} onAction={() => onAsk("cancel")}>
          <Icon name="close" /> Cancel
        </ActionButton>
      )}
    </div>
  );
};

const Counts = ({ counts }: { readonly counts: Readonly<Record<string, number>> }) => (
  <dl class="counts">
    {countsOf(counts).map(([name, count]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{countText(count)}</dd>
      </div>
    ))}
  </dl>
);

const paceText = ({ state, progress }: RunView): string => {
  if (progress === undefined || state !== "running") return "";
  const { done, total, perSecond } = progress;
  const rest = restMs(done, total, perSecond);
  return [
    ...(perSecond === undefined ? [] : [rateText(perSecond)]),
    ...(rest === undefined ? [] : [`about ${durationText(rest)} left`]),
  ].join(", ");
};

const Times = ({ run }: { readonly run: RunView }) => (
  <p class="muted">
    Started <Ago at={run.startedAt} />
    {run.state !== "paused" && (
      <>
        , {run.endedAt === undefined ? "running for" : "took"} <Took run={run} />
      </>
    )}
  </p>
);

const Report = ({ lines }: { readonly lines: readonly string[] }) => (
  <section class="card">
    <div class="card-head">
      <h2>Report</h2>
    </div>
    <div class="card-body">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line scrolls, and the keyboard must be able to scroll it. */}
      <pre class="report" tabIndex={0}>
        {lines.join("\n")}
      </pre>
    </div>
  </section>
);

const Results = ({ run: { input, result } }: { readonly run: RunView }) => {
  if (result === undefined) return null;
  const { lines, findings = [], deadLetters = [] } = result;
  return (
    <>
      {findings.length > 0 && <RunFindings pipeline={input.pipeline} findings={findings} />}
      {deadLetters.length > 0 && <RunLetters input={input} results={deadLetters} />}
      {lines.length > 0 && <Report lines={lines} />}
    </>
  );
};

/** What follows from a run. */
const Next = ({ run: { state, input, result } }: { readonly run: RunView }) => {
  if (state === "paused") {
    return (
      <p>{input.kind === "verify" ? "Resume begins the verification again." : "Resume goes on where it stopped."}</p>
    );
  }
  if (state !== "done" || result === undefined) return null;
  if (input.kind !== "verify" && input.isDryRun === true) return <p>This was a dry run: nothing was written.</p>;
  if (result.isClean) return <p>Nothing is left to do.</p>;
  if (input.kind === "verify" && input.repairs !== true) {
    return (
      <p>
        Look at the items below, or <a href={href("/runs", { start: "verify" })}>verify again with repairs</a>.
      </p>
    );
  }
  return <p>Something is left to do: see the report.</p>;
};

interface PageProps {
  readonly run: RunView;
  readonly onRun: (run: RunView) => void;
}

/** The page of one run. */
export const RunPage = ({ run, onRun }: PageProps) => {
  const { id, input, state, progress, result, error, command } = run;
  const verbs = useVerbs(id, onRun);
  return (
    <div class="stack">
      <p>
        <a href={href("/runs")}>← All runs</a>
      </p>
      <section class="card">
        <div class="card-head">
          <div class="row">
            <h2>{kindWords[input.kind]}</h2>
            <RunStateSign run={run} />
          </div>
          <Buttons run={run} asked={verbs.asked} onAsk={(verb) => void verbs.ask(verb)} />
        </div>
        <div class="card-body stack-small">
          <p>
            {input.pipeline}: {inputText(input)}
          </p>
          {isLive(state) && (
            <>
              <Progress
                label={progress?.doing ?? "Starting"}
                done={progress?.done ?? 0}
                total={progress?.total}
                isMoving={state === "running"}
              />
              {state === "running" && <p class="muted run-pace">{paceText(run)}</p>}
            </>
          )}
          <Counts counts={result?.counts ?? progress?.counts ?? {}} />
          <Times run={run} />
          <Next run={run} />
          {verbs.error !== undefined && <ErrorNotice title="The run does not do this now" error={verbs.error} />}
          {error !== undefined && (
            <Notice tone="bad" title="The run failed">
              <p class="pre-line">{error}</p>
            </Notice>
          )}
          <CommandLine command={command} label="The same run on the command line" />
        </div>
      </section>
      <Results run={run} />
    </div>
  );
};
