// The list of a queue's dead letters with its filters and actions, and the dialogs that these open.

import { useMemo, useState } from "preact/hooks";
import type { About, QueueAbout } from "../../api/about.ts";
import type { DeadLetterRow, DropResult } from "../../api/dead-letters.ts";
import { postForText } from "../client.ts";
import { download } from "../parts/download.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNotice } from "../parts/notice.tsx";
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
import type { Letters } from "./use-letters.ts";

/** More rows than these begin in closed groups. */
const openRows = 50;

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

/** A question about rows, or one row that is shown. */
interface Question {
  readonly type: "redrive" | "drop" | "show";
  readonly rows: readonly DeadLetterRow[];
}

interface QuestionsProps extends ContentProps {
  readonly question: Question | undefined;
  readonly onRedrive: (rows: readonly DeadLetterRow[], isDryRun: boolean) => void;
  readonly onDropped: (result: DropResult) => void;
  readonly onClose: () => void;
}

const idsOf = (rows: readonly DeadLetterRow[]): readonly string[] => rows.map(({ id }) => id);

/** The dialog that is open, if one is. */
const Questions = ({ info, queue, letters, question, onRedrive, onDropped, onClose }: QuestionsProps) => {
  const [row] = question?.rows ?? [];
  if (question === undefined || row === undefined) return null;
  const { rows } = question;
  switch (question.type) {
    case "show":
      return (
        <DeadLetterDialog
          row={row}
          canEdit={info.can.editDeadLetter}
          canRedrive={info.can.redrive && !letters.isBusy}
          onRedrive={(isDryRun) => onRedrive([row], isDryRun)}
          onResult={(result) => letters.addResults([result], false)}
          onClose={onClose}
        />
      );
    case "redrive":
      return (
        <ConfirmRedrive
          about={info}
          rows={rows}
          onClose={onClose}
          onConfirm={() => {
            onClose();
            void letters.redrive(idsOf(rows), false);
          }}
        />
      );
    case "drop":
      return <ConfirmDrop queueUrl={queue.url} rows={rows} onClose={onClose} onDropped={onDropped} />;
  }
};

type Choice = ReturnType<typeof useChoice>;

interface ListCardProps extends ContentProps {
  readonly choice: Choice;
  readonly onAction: (action: LetterAction) => void;
  readonly onShow: (row: DeadLetterRow) => void;
}

/** The filters, the bar with the actions, and the list. */
const ListCard = ({ info, letters, choice, onAction, onShow }: ListCardProps) => {
  const { shown, groups, selectable, chosen, selection, setSelection } = choice;
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const all = idsOf(selectable);
  const isClosed = ({ id }: LetterGroup): boolean => toggled.has(id) !== shown.length > openRows && groups.length > 1;
  return (
    <section class="card">
      <LetterFilters rows={letters.rows} hidesKeys={info.hidesKeys} />
      <ActionBar
        about={info}
        shown={all.length}
        selectedCount={chosen.length}
        selected={selectedOf(all, selection)}
        isBusy={letters.isBusy}
        onSelectAll={(isSelected) => setSelection(withSelected(selection, all, isSelected))}
        onAction={onAction}
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
          onShow={onShow}
        />
      )}
    </section>
  );
};

/** The dead letters of a queue, and what can be done with them. */
export const LettersContent = ({ info, queue, letters }: ContentProps) => {
  const { route, code, text } = address.value.query;
  const choice = useChoice(letters, { route, code, text }, !info.hidesKeys);
  const [question, setQuestion] = useState<Question>();
  const [dropped, setDropped] = useState<DropResult>();
  const close = (): void => setQuestion(undefined);
  const redrive = (rows: readonly DeadLetterRow[], isDryRun: boolean): void => {
    const asks = info.mode === "deployment" && !isDryRun;
    setQuestion(asks ? { type: "redrive", rows } : undefined);
    if (!asks) void letters.redrive(idsOf(rows), isDryRun);
  };
  const act = (action: LetterAction): void => {
    const rows = choice.chosen;
    if (action === "export") void exportLetters(queue, idsOf(rows));
    else if (action === "drop") setQuestion({ type: "drop", rows });
    else redrive(rows, action === "dry run");
  };
  const drop = (result: DropResult): void => {
    close();
    setDropped(result);
    choice.setSelection(new Set());
    letters.startOver();
  };
  const common = { info, queue, letters };
  return (
    <>
      {dropped !== undefined && <DropNotice result={dropped} />}
      {letters.run !== undefined && <RedriveProgress run={letters.run} />}
      {letters.startError !== undefined && <ErrorNotice title="The redrive did not start" error={letters.startError} />}
      {letters.rows.length > 0 && (
        <ListCard
          {...common}
          choice={choice}
          onAction={act}
          onShow={(row) => setQuestion({ type: "show", rows: [row] })}
        />
      )}
      <Questions {...common} question={question} onRedrive={redrive} onDropped={drop} onClose={close} />
    </>
  );
};
