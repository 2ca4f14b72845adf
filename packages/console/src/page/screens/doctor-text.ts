// What the doctor says, in groups.

import type { DoctorFinding } from "@sluice/inspect";
import type { DoctorView } from "../../api/doctor.ts";
import type { Tone } from "../tone.ts";

type Level = DoctorFinding["level"];

/** Findings of one level. */
export interface LevelGroup {
  readonly level: Level;
  readonly title: string;
  readonly text: string;
  readonly tone: Tone;
  readonly findings: readonly DoctorFinding[];
}

const levels: readonly Omit<LevelGroup, "findings">[] = [
  {
    level: "fail",
    title: "Faults",
    text: "Records are lost, copies are wrong, or the pipeline does not run.",
    tone: "bad",
  },
  { level: "warn", title: "Warnings", text: "This may happen, or an operator will miss it.", tone: "warn" },
  { level: "unknown", title: "Unknown", text: "The doctor could not look.", tone: "plain" },
];

/** The findings by level, the worst first. Levels without a finding are left out. */
export const byLevel = (findings: readonly DoctorFinding[]): readonly LevelGroup[] =>
  levels
    .map((level) => ({ ...level, findings: findings.filter((one) => one.level === level.level) }))
    .filter((group) => group.findings.length > 0);

const counted = (count: number, one: string): string => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

/** The counts in one sentence. */
export const doctorSummary = ({ counts, checked }: Pick<DoctorView, "counts" | "checked">): string => {
  const { fail, warn, unknown } = counts;
  const codes = `${counted(checked.length, "code")} checked`;
  if (fail + warn + unknown === 0) return `Nothing is wrong: ${codes}.`;
  return `${counted(fail, "fault")}, ${counted(warn, "warning")}, ${unknown} unknown; ${codes}.`;
};

/** A part of a fix: a command to copy, or a sentence. */
export interface FixPart {
  readonly type: "command" | "text";
  readonly text: string;
}

const commandPattern = /^(?:npx |aws |sluice |cdk |export |curl |psql )/;

/** Lines of a fix. Lines that follow each other and are commands are one part. */
export const fixParts = (fix: string): readonly FixPart[] => {
  const parts: FixPart[] = [];
  for (const line of fix.split("\n").filter((one) => one.trim() !== "")) {
    const last = parts.at(-1);
    const isContinued = last?.type === "command" && last.text.endsWith("\\");
    const isCommand = isContinued || commandPattern.test(line);
    if (isCommand && last?.type === "command") parts[parts.length - 1] = { ...last, text: `${last.text}\n${line}` };
    else parts.push({ type: isCommand ? "command" : "text", text: line });
  }
  return parts;
};
