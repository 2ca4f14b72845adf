import { test } from "@jest/globals";
import { planOf } from "./plan.ts";
import { simulate } from "./simulate.ts";

Error.stackTraceLimit = Number(process.env.STL ?? 10);
test("find", async () => {
  const found = new Map<string, number[]>();
  const [from, to] = [Number(process.env.FROM ?? 1), Number(process.env.TO ?? 300)];
  const started = Date.now();
  let bad = 0;
  for (let seed = from; seed <= to; seed += 1) {
    const problems = await simulate(planOf(seed)).catch((error) => [`threw: ${error.stack}`]);
    if (problems.length > 0) bad += 1;
    const plan = planOf(seed);
    const feature = ` ${plan.pipelines.length}p ${plan.pipelines[0]?.onReject === "block" ? "block " : ""}${plan.twice > 0 ? "twice " : ""}${plan.sharesRows ? "rows " : ""}${plan.pipelines[0]?.usesRetryQueue ? "retryq " : ""}${plan.deadLetterQueue} `;
    for (const kind of new Set(problems.map((problem) => problem.split(":")[0] as string + feature + (process.env.FULL ? problem.slice(0, 400) : "")))) found.set(kind, [...(found.get(kind) ?? []), seed]);
  }
  console.log(bad, Date.now() - started, process.cpuUsage().user / 1e3, [...found].map(([kind, seeds]) => `${kind} ${seeds.length}: ${seeds.slice(0, 12)}`).join("\n"));
}, 600_000);
