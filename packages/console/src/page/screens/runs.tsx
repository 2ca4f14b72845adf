// Screen of the runs: backfills, verifications and redrives.

import { useState } from "preact/hooks";
import type { About } from "../../api/about.ts";
import type { RunKind, RunView } from "../../api/runs.ts";
import { get } from "../client.ts";
import { about, liveRuns } from "../live.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNotice } from "../parts/notice.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useLoad } from "../parts/use-load.ts";
import { address, setQuery } from "../router.ts";
import { kindWords, newestFirst } from "./run-form.ts";
import { RunList } from "./run-list.tsx";
import { RunPage } from "./run-page.tsx";
import { StartForm } from "./run-start.tsx";
import { useReconnect } from "./use-reconnect.ts";
import { useRun } from "./use-run.ts";
import "./common.css";
import "./runs.css";

const kinds: readonly RunKind[] = ["backfill", "verify", "redrive"];

const isKind = (text: string | undefined): text is RunKind => kinds.some((kind) => kind === text);

const unableText = ({ can, mode }: About): string | undefined => {
  const missing = kinds.filter((kind) => !can.runs.includes(kind));
  if (missing.length === 0) return undefined;
  const names = missing.map((kind) => kindWords[kind].toLowerCase()).join(" and ");
  const way = mode === "deployment" ? " It needs the pipeline's module, and --write to change targets." : "";
  return `This console cannot start ${names}.${way}`;
};

const Start = ({ info }: { readonly info: About }) => {
  const { start } = address.value.query;
  const possible = kinds.filter((kind) => info.can.runs.includes(kind));
  const chosen = isKind(start) && possible.includes(start) ? start : undefined;
  const unable = unableText(info);
  return (
    <section class="card">
      <div class="card-head">
        <h2>Start a run</h2>
        <div class="row">
          {possible.map((kind) => (
            <button
              key={kind}
              type="button"
              class="button"
              aria-pressed={kind === chosen}
              onClick={() => setQuery(kind === chosen ? {} : { start: kind })}
            >
              {kindWords[kind]}
            </button>
          ))}
        </div>
      </div>
      {(chosen !== undefined || unable !== undefined) && (
        <div class="card-body stack-small">
          {chosen !== undefined && <StartForm key={chosen} about={info} kind={chosen} />}
          {unable !== undefined && <p class="muted">{unable}</p>}
        </div>
      )}
    </section>
  );
};

/** The runs of the server, with what was heard since. */
const useRuns = () => {
  const loaded = useLoad("runs", () => get<readonly RunView[]>("/api/runs"));
  useReconnect(loaded.reload);
  return { ...loaded, runs: newestFirst(loaded.value ?? [], [...liveRuns.value.values()]) };
};

const AllRuns = ({ info }: { readonly info: About }) => {
  const { runs, value, error, reload } = useRuns();
  return (
    <div class="stack">
      <Start info={info} />
      {error !== undefined && <ErrorNotice title="The runs could not be read" error={error} onRetry={reload} />}
      <section class="card" aria-label="Runs">
        {runs.length > 0 && <RunList runs={runs} />}
        {runs.length === 0 && value === undefined && error === undefined && <Skeleton lines={4} />}
        {runs.length === 0 && value !== undefined && (
          <Empty
            title="No runs yet"
            text="A verify compares every copy with its item and changes nothing: a good first run."
          >
            {info.can.runs.includes("verify") && (
              <button type="button" class="button" onClick={() => setQuery({ start: "verify" })}>
                Verify
              </button>
            )}
          </Empty>
        )}
      </section>
    </div>
  );
};

const OneRun = ({ id }: { readonly id: string }) => {
  const loaded = useLoad(`run ${id}`, async () => {
    const runs = await get<readonly RunView[]>("/api/runs");
    return { run: runs.find((one) => one.id === id) };
  });
  const [answered, setAnswered] = useState<RunView>();
  useReconnect(loaded.reload);
  const known = answered ?? loaded.value?.run;
  const run = useRun(id, known);
  if (run !== undefined) return <RunPage run={run} onRun={setAnswered} />;
  if (loaded.error !== undefined)
    return <ErrorNotice title="The run could not be read" error={loaded.error} onRetry={loaded.reload} />;
  if (loaded.value === undefined) {
    return (
      <div class="card">
        <Skeleton lines={6} />
      </div>
    );
  }
  return (
    <div class="card">
      <Empty title="There is no such run" text="The console forgets its runs when it is started again.">
        <a class="button" href="/runs">
          All runs
        </a>
      </Empty>
    </div>
  );
};

const Content = ({ info }: { readonly info: About }) => {
  const { id } = address.value.query;
  return id === undefined ? <AllRuns info={info} /> : <OneRun key={id} id={id} />;
};

/** The screen. */
export const RunsScreen = () => (
  <>
    <PageHead
      title="Runs"
      text="Backfills, verifications and redrives: the same functions that the command line calls."
    />
    {about.value === undefined ? <Skeleton lines={6} /> : <Content info={about.value} />}
  </>
);
