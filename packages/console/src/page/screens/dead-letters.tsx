// Screen of the dead letters: groups, a selection, and what can be done with it.

import { useMemo, useState } from "preact/hooks";
import type { About, QueueAbout } from "../../api/about.ts";
import type { DeadLetterPage, DeadLetterRow, DropResult } from "../../api/dead-letters.ts";
import { postForText } from "../client.ts";
import { countText } from "../format.ts";
import { about } from "../live.ts";
import { download } from "../parts/download.ts";
import { Empty } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { toast } from "../parts/toast.tsx";
import { address, setQuery } from "../router.ts";
import {
  ActionBar,
  ConfirmDrop,
  ConfirmRedrive,
  DropNotice,
  type LetterAction,
  lettersText,
  RedriveProgress,
} from "./dead-letter-actions.tsx";
import { LetterFilters } from "./dead-letter-filters.tsx";
import {
  filterLetters,
  groupLetters,
  isGone,
  type LetterFilter,
  type LetterGroup,
  selectedOf,
  withSelected,
} from "./dead-letter-groups.ts";
import { DeadLetterList } from "./dead-letter-list.tsx";
import { DeadLetterDialog } from "./dead-letter-show.tsx";
import { type Letters, useLetters } from "./use-letters.ts";
import "./dead-letters.css";

/** More rows than these begin in closed groups. */
const openRows = 50;

const Unseen = ({ page: { unsupported, hidden } }: { readonly page: DeadLetterPage }) => (
  <>
    {hidden > 0 && (
      <Notice tone="warn" title={`${countText(hidden)} ${hidden === 1 ? "message is" : "messages are"} hidden`}>
        They are delayed, or another consumer has received them. Load again in a moment.
      </Notice>
    )}
    {unsupported.length > 0 && (
      <Notice tone="warn" title={`${countText(unsupported.length)} unsupported in this queue`}>
        <ul>
          {unsupported.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </Notice>
    )}
  </>
);

/** Saves the selected dead letters as a file. */
const exportLetters = async ({ name, url }: QueueAbout, ids: readonly string[]): Promise<void> => {
  try {
    const text = await postForText("/api/dead-letters/export", { queueUrl: url, ids });
    const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    download(`${name}-${time}.ndjson`, "application/x-ndjson", text);
    toast(`${lettersText(ids.length)} exported`, "good");
  } catch (error) {
    toast(`The export failed: ${error instanceof Error ? error.message : String(error)}`, "bad");
  }
};

type Question = { readonly type: "redrive" | "drop" } | { readonly type: "show"; readonly row: DeadLetterRow };

/** What is chosen in a list of dead letters. */
const useChoice = ({ rows, outcomes }: Letters, filter: LetterFilter, searchesKeys: boolean) => {
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const { route, code, text } = filter;
  const shown = useMemo(
    () => filterLetters(rows, { route, code, text }, searchesKeys),
    [rows, route, code, text, searchesKeys],
  );
  const groups = useMemo(() => groupLetters(shown), [shown]);
  const selectable = useMemo(() => shown.filter(({ id }) => !isGone(outcomes.get(id))), [shown, outcomes]);
  // What a filter hides is not acted upon.
  const chosen = useMemo(() => selectable.filter(({ id }) => selection.has(id)), [selectable, selection]);
  return { shown, groups, selectable, chosen, selection, setSelection };
};

interface ContentProps {
  readonly info: About;
  readonly queue: QueueAbout;
  readonly letters: Letters;
}

const Content = ({ info, queue, letters }: ContentProps) => {
  const { route, code, text } = address.value.query;
  const choice = useChoice(letters, { route, code, text }, !info.hidesKeys);
  const { shown, groups, selectable, chosen, selection, setSelection } = choice;
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [question, setQuestion] = useState<Question>();
  const [redriven, setRedriven] = useState<readonly DeadLetterRow[]>([]);
  const [dropped, setDropped] = useState<DropResult>();
  const isClosed = ({ id }: LetterGroup): boolean => toggled.has(id) !== shown.length > openRows && groups.length > 1;
  const close = (): void => setQuestion(undefined);
  const redrive = (rows: readonly DeadLetterRow[], isDryRun: boolean): void => {
    setRedriven(rows);
    if (info.mode === "deployment" && !isDryRun) setQuestion({ type: "redrive" });
    else
      letters.redrive(
        rows.map(({ id }) => id),
        isDryRun,
      );
  };
  const act = (action: LetterAction): void => {
    if (action === "export")
      exportLetters(
        queue,
        chosen.map(({ id }) => id),
      );
    else if (action === "drop") setQuestion({ type: "drop" });
    else redrive(chosen, action === "dry run");
  };
  return (
    <>
      {dropped !== undefined && <DropNotice result={dropped} />}
      {letters.run !== undefined && <RedriveProgress run={letters.run} />}
      {letters.startError !== undefined && <ErrorNotice title="The redrive did not start" error={letters.startError} />}
      <section class="card">
        <LetterFilters rows={letters.rows} hidesKeys={info.hidesKeys} />
        <ActionBar
          about={info}
          shown={selectable.length}
          selectedCount={chosen.length}
          selected={selectedOf(
            selectable.map(({ id }) => id),
            selection,
          )}
          isBusy={letters.isBusy}
          onSelectAll={(isSelected) =>
            setSelection(
              withSelected(
                selection,
                selectable.map(({ id }) => id),
                isSelected,
              ),
            )
          }
          onAction={act}
        />
        {shown.length === 0 ? (
          <Empty title="No dead letter matches" text="The filter hides all of them.">
            <button type="button" class="button" onClick={() => setQuery({ queue: address.value.query.queue })}>
              Clear the filter
            </button>
          </Empty>
        ) : (
          <DeadLetterList
            groups={groups}
            isClosed={isClosed}
            selection={selection}
            outcomes={letters.outcomes}
            onToggle={({ id }) => setToggled(withSelected(toggled, [id], !toggled.has(id)))}
            onSelection={setSelection}
            onShow={(row) => setQuestion({ type: "show", row })}
          />
        )}
      </section>
      {question?.type === "show" && (
        <DeadLetterDialog
          row={question.row}
          canEdit={info.can.editDeadLetter}
          canRedrive={info.can.redrive && !letters.isBusy}
          onRedrive={(isDryRun) => {
            close();
            redrive([question.row], isDryRun);
          }}
          onResult={(result) => letters.addResults([result], false)}
          onClose={close}
        />
      )}
      {question?.type === "redrive" && (
        <ConfirmRedrive
          about={info}
          rows={redriven}
          onClose={close}
          onConfirm={() => {
            close();
            letters.redrive(
              redriven.map(({ id }) => id),
              false,
            );
          }}
        />
      )}
      {question?.type === "drop" && (
        <ConfirmDrop
          queueUrl={queue.url}
          rows={chosen}
          onClose={close}
          onDropped={(result) => {
            close();
            setDropped(result);
            setSelection(new Set());
            letters.startOver();
          }}
        />
      )}
    </>
  );
};

const Queue = ({ info, queue }: { readonly info: About; readonly queue: QueueAbout }) => {
  const letters = useLetters(queue);
  const { page, rows } = letters;
  return (
    <div class="stack">
      <div class="letter-load">
        <span class="muted" role="status">
          {page.value !== undefined && lettersText(page.value.rows.length)}
          {page.isLoading && " Loading…"}
        </span>
        <button type="button" class="button" disabled={page.isLoading || letters.isBusy} onClick={letters.startOver}>
          <Icon name="retried" /> Load again
        </button>
      </div>
      {page.error !== undefined && (
        <ErrorNotice title="The dead letters could not be read" error={page.error} onRetry={page.reload} />
      )}
      {page.value !== undefined && <Unseen page={page.value} />}
      {page.value === undefined && page.error === undefined && (
        <div class="card">
          <Skeleton lines={8} />
        </div>
      )}
      {page.value !== undefined && rows.length === 0 && (
        <div class="card">
          <Empty
            title="No dead letters"
            text="Every change of this pipeline reached its targets, was superseded by a newer one, or is still on its way."
          >
            <a class="button" href="/changes">
              See the changes
            </a>
          </Empty>
        </div>
      )}
      {rows.length > 0 && <Content info={info} queue={queue} letters={letters} />}
    </div>
  );
};

const queuesOf = ({ queues }: About): readonly QueueAbout[] => queues.filter(({ kind }) => kind === "dead letters");

const QueueChoice = ({ queues, queue }: { readonly queues: readonly QueueAbout[]; readonly queue: QueueAbout }) => (
  <label class="field">
    <span class="field-label">Queue</span>
    <select class="input" value={queue.url} onChange={(event) => setQuery({ queue: event.currentTarget.value })}>
      {queues.map(({ url, name, pipeline }) => (
        <option key={url} value={url}>
          {name} ({pipeline})
        </option>
      ))}
    </select>
  </label>
);

const Chosen = ({ info }: { readonly info: About }) => {
  const wanted = address.value.query.queue;
  const queues = queuesOf(info);
  const queue = info.queues.find(({ url }) => url === wanted) ?? queues[0];
  if (queue === undefined) {
    return (
      <Empty
        title="There is no queue of dead letters"
        text="The pipeline has no dead-letter queue, so a record that a target rejects blocks its shard. Give the pipeline one: the option deadLetterQueue."
      />
    );
  }
  const choices = queues.includes(queue) ? queues : [...queues, queue];
  return (
    <>
      {choices.length > 1 && <QueueChoice queues={choices} queue={queue} />}
      {queue.kind !== "dead letters" && (
        <Notice tone="plain" title={`This is the ${queue.kind}`}>
          Lambda retries its messages by itself. Its deliveries are no dead letters yet.
        </Notice>
      )}
      <Queue key={queue.url} info={info} queue={queue} />
    </>
  );
};

/** The screen. */
export const DeadLettersScreen = () => (
  <>
    <PageHead
      title="Dead letters"
      text="Deliveries that failed for good. Mend the cause, then redrive them: each goes to the sink that failed, and to no other."
    />
    <div class="stack">{about.value === undefined ? <Skeleton lines={8} /> : <Chosen info={about.value} />}</div>
  </>
);
