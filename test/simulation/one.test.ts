import { test } from "@jest/globals";
import { planOf } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const run = (plan: ReturnType<typeof planOf>) => simulate(plan).catch((error) => [`threw: ${error.stack}`]);
test("one", async () => {
  for (const seed of (process.env.SEEDS ?? "1").split(",").map(Number)) {
    const [first = "none"] = await run(planOf(seed));
    const kind = process.env.KIND ?? (first.split(":")[0] as string);
    const plan = await shrink(planOf(seed), async (candidate) => (await run(candidate)).some((problem) => problem.startsWith(kind)), Number(process.env.BUDGET ?? 150));
    const problems = await run(plan);
    const { steps, pipelines, ...rest } = plan;
    console.log(seed, problems.slice(0, 8).join("\n"), "\n", JSON.stringify(rest), "\n", pipelines.map((p) => JSON.stringify(p)).join("\n"), "\n", steps.map((s) => `${s.at} ${s.kind} ${s.item} ${s.type} ${s.expiresInMs}`).join("\n"));
  }
}, 600_000);
