// Screen of the doctor: what is wrong with the deployment, what was expected, and how to mend it.

import type { DoctorFinding } from "@sluice/inspect";
import { useState } from "preact/hooks";
import type { About } from "../../api/about.ts";
import type { DoctorView } from "../../api/doctor.ts";
import { post } from "../client.ts";
import { countText } from "../format.ts";
import { about } from "../live.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Ago } from "../parts/ago.tsx";
import { CommandLine } from "../parts/copy.tsx";
import { Empty } from "../parts/empty.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { ErrorNotice, Notice } from "../parts/notice.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { State } from "../parts/state.tsx";
import { byLevel, doctorSummary, fixParts, type LevelGroup } from "./doctor-text.ts";
import "./common.css";
import "./doctor.css";

const Fix = ({ fix, code }: { readonly fix: string; readonly code: string }) => (
  <div class="stack-small">
    {fixParts(fix).map(({ type, text }) =>
      type === "command" ? (
        <CommandLine key={text} command={text} label={`Fix of ${code}`} />
      ) : (
        <p key={text}>{text}</p>
      ),
    )}
  </div>
);

const icons: Readonly<Record<DoctorFinding["level"], IconName>> = {
  fail: "rejected",
  warn: "warning",
  unknown: "hidden",
};

const words: Readonly<Record<DoctorFinding["level"], string>> = { fail: "fault", warn: "warning", unknown: "unknown" };

const Finding = ({ finding, tone }: { readonly finding: DoctorFinding; readonly tone: LevelGroup["tone"] }) => {
  const { code, area, level, resource, found, expected, fix } = finding;
  return (
    <li class="card">
      <div class="card-head">
        <h3>
          <code>{code}</code>
        </h3>
        <State tone={tone} text={words[level]} icon={icons[level]} />
      </div>
      <div class="card-body stack-small">
        <dl class="facts">
          <div>
            <dt>{area}</dt>
            <dd>
              <code>{resource}</code>
            </dd>
          </div>
          <div>
            <dt>found</dt>
            <dd>{found}</dd>
          </div>
          <div>
            <dt>expected</dt>
            <dd>{expected}</dd>
          </div>
        </dl>
        <Fix fix={fix} code={code} />
      </div>
    </li>
  );
};

const Level = ({ group: { title, text, tone, findings } }: { readonly group: LevelGroup }) => (
  <section class="stack-small">
    <h2>
      {title} <span class="muted">{countText(findings.length)}</span>
    </h2>
    <p class="muted">{text}</p>
    <ul class="stack-small">
      {findings.map((finding) => (
        <Finding key={JSON.stringify(finding)} finding={finding} tone={tone} />
      ))}
    </ul>
  </section>
);

const Checked = ({ codes }: { readonly codes: readonly string[] }) => (
  <details class="card card-body">
    <summary>{countText(codes.length)} codes were looked for</summary>
    <ul class="codes">
      {codes.map((code) => (
        <li key={code}>
          <code>{code}</code>
        </li>
      ))}
    </ul>
  </details>
);

const NothingWrong = ({ view }: { readonly view: DoctorView }) => (
  <div class="card healthy">
    <Icon name="check" />
    <h2>Nothing is wrong</h2>
    <p>
      {countText(view.checked.length)} codes were checked on {view.subject}.
    </p>
  </div>
);

const Report = ({ view }: { readonly view: DoctorView }) => {
  const { at, subject, findings, problem, checked } = view;
  return (
    <>
      <p role="status">
        <strong>{subject}</strong>: {problem === undefined ? doctorSummary(view) : "nothing was judged."}{" "}
        <span class="muted">
          <Ago at={at} />
        </span>
      </p>
      {problem !== undefined && (
        <Notice tone="warn" title="Nothing was judged">
          <p class="pre-line">{problem}</p>
        </Notice>
      )}
      {problem === undefined && findings.length === 0 && <NothingWrong view={view} />}
      {byLevel(findings).map((group) => (
        <Level key={group.level} group={group} />
      ))}
      {checked.length > 0 && <Checked codes={checked} />}
    </>
  );
};

/** Asks the doctor on a click: the checks take some seconds, and read the account. */
const useDoctor = () => {
  const [view, setView] = useState<DoctorView>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const ask = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      setView(await post<DoctorView>("/api/doctor", {}));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return { view, error, isBusy, ask };
};

const Content = ({ info }: { readonly info: About }) => {
  const { view, error, isBusy, ask } = useDoctor();
  if (!info.can.doctor) {
    return (
      <Empty
        title="There is no doctor here"
        text="The doctor judges a deployment: its event source mapping, function, queues, rights and alarms. A pipeline that runs on this machine has none of them. Of a deployment, run:"
        command="npx sluice doctor --function NAME"
      />
    );
  }
  return (
    <div class="stack">
      <div>
        <ActionButton look="button-main" isDisabled={isBusy} onAction={() => void ask()}>
          {isBusy ? "Looking…" : view === undefined ? "Run the doctor" : "Run again"}
        </ActionButton>
      </div>
      {error !== undefined && (
        <ErrorNotice title="The doctor could not look" error={error} onRetry={() => void ask()} />
      )}
      {view === undefined && isBusy && (
        <div class="card">
          <Skeleton lines={6} />
        </div>
      )}
      {view === undefined && !isBusy && error === undefined && (
        <div class="card">
          <Empty
            title="Ask the doctor"
            text={`The doctor compares ${info.title} with what a pipeline needs, and changes nothing. It takes a few seconds.`}
          />
        </div>
      )}
      {view !== undefined && <Report view={view} />}
    </div>
  );
};

/** The screen. */
export const DoctorScreen = () => (
  <>
    <PageHead title="Doctor" text="What is wrong, what was expected instead, and the command that mends it." />
    {about.value === undefined ? <Skeleton lines={6} /> : <Content info={about.value} />}
  </>
);
