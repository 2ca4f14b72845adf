// Screen of the dead letters: groups, a selection, and what can be done with it.

import type { About, QueueAbout } from "../../api/about.ts";
import type { DeadLetterPage } from "../../api/dead-letters.ts";
import { countText } from "../format.ts";
import { about } from "../live.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Empty } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { address, setQuery } from "../router.ts";
import { lettersText } from "./dead-letter-actions.tsx";
import { LettersContent } from "./dead-letter-content.tsx";
import { useLetters } from "./use-letters.ts";
import "./common.css";
import "./dead-letters.css";

const unseenText = ({ unsupported, hidden }: DeadLetterPage): string =>
  [
    ...(hidden > 0 ? [`${countText(hidden)} hidden`] : []),
    ...(unsupported.length > 0 ? [`${countText(unsupported.length)} unsupported`] : []),
  ].join(", ");

/** What the queue has and the list has not. */
const Unseen = ({ page }: { readonly page: DeadLetterPage }) => {
  const text = unseenText(page);
  if (text === "") return null;
  return (
    <details class="letter-unseen">
      <summary>Not in the list: {text}</summary>
      <ul>
        {page.hidden > 0 && (
          <li>
            {countText(page.hidden)} {page.hidden === 1 ? "message is" : "messages are"} delayed, or another consumer
            has received them. Load again in a moment.
          </li>
        )}
        {page.unsupported.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  );
};

const NoLetters = () => (
  <div class="card">
    <Empty
      title="No dead letters"
      text="No change of this pipeline waits for a correction. A change that a target rejects comes here."
    >
      <a class="button" href="/changes">
        See the changes
      </a>
    </Empty>
  </div>
);

interface QueueProps {
  readonly info: About;
  readonly queue: QueueAbout;
  readonly choices: readonly QueueAbout[];
}

const Queue = ({ info, queue, choices }: QueueProps) => {
  const letters = useLetters(queue);
  const { page, rows } = letters;
  return (
    <div class="stack">
      <div class="letter-top">
        {choices.length > 1 && <QueueChoice queues={choices} queue={queue} />}
        <span class="muted" role="status">
          {page.value !== undefined && lettersText(page.value.rows.length)}
          {page.isLoading && " Loading…"}
        </span>
        <ActionButton isDisabled={page.isLoading || letters.isBusy} onAction={letters.startOver}>
          <Icon name="retried" /> Load again
        </ActionButton>
      </div>
      {page.error !== undefined && (
        <ErrorNotice title="The dead letters could not be read" error={page.error} onRetry={page.reload} />
      )}
      {page.value === undefined && page.error === undefined && (
        <div class="card">
          <Skeleton lines={8} />
        </div>
      )}
      {page.value !== undefined && <Unseen page={page.value} />}
      {page.value !== undefined && <LettersContent info={info} queue={queue} letters={letters} />}
      {page.value !== undefined && rows.length === 0 && <NoLetters />}
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
      {queue.kind !== "dead letters" && (
        <Notice tone="plain" title={`This is the ${queue.kind}`}>
          Lambda retries its messages by itself. Its deliveries are no dead letters yet.
        </Notice>
      )}
      <Queue key={queue.url} info={info} queue={queue} choices={choices} />
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
