import { test } from "@jest/globals";
import { Environment } from "./environment.ts";
import { planOf } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";
import { World } from "./world.ts";

const run = (plan: ReturnType<typeof planOf>) => simulate(plan).catch((error) => [`threw: ${error.stack}`]);
test("trace", async () => {
  const seed = Number(process.env.SEEDS);
  const kind = process.env.KIND ?? "order";
  const plan = await shrink(planOf(seed), async (candidate) => (await run(candidate)).some((problem) => problem.startsWith(kind)), 120);
  const lines: string[] = [];
  const invoke = World.prototype.invoke;
  World.prototype.invoke = async function (this: World, index: number, event: any) {
    const names = event.Records.map((r: any) => r.dynamodb ? `c${BigInt(r.dynamodb.SequenceNumber) / 10n ** 20n}` : `m:${r.messageId}:${this.deliveryOf(r).slice(0, 14)}:c${this.changes.find((c) => this.deliveryOf(r).endsWith(c.eventId))?.position}`);
    lines.push(`${this.elapsed} invoke ${index} ${names}`);
    const answer = await invoke.call(this, index, event);
    lines.push(`${this.elapsed} answer ${index} ${names} -> ${answer === undefined ? "failed" : JSON.stringify(answer.batchItemFailures.map((f) => this.changes.find((c) => c.record.dynamodb?.SequenceNumber === f.itemIdentifier)?.position ?? f.itemIdentifier))} ${JSON.stringify((answer as any)?.outcomes ?? "")}`);
    return answer;
  };
  const request = Environment.prototype.request;
  Environment.prototype.request = function (this: Environment, given: any) {
    const world = (this as any);
    const at = () => this.clock.now() - 1_767_323_045_000;
    lines.push(`${at()}   ${given.place} ${given.effect.toString().includes("call)(...args)") ? "" : ""}`);
    void world;
    const result = request.call(this, { ...given, effect: (p: boolean) => { const v: any = given.effect(p); lines.push(`${at()}     effect ${given.place} ${JSON.stringify(v instanceof Map ? [...v] : v, (k, x) => k === "change" ? undefined : k === "record" ? undefined : x)?.slice(0, 150)}`); return v; } });
    (result as Promise<unknown>).catch((e) => lines.push(`${at()}     error ${given.place} ${e.message}`));
    return result;
  } as never;
  const problems = await run(plan);
  const { steps, pipelines, ...rest } = plan;
  console.log(problems.join("\n"), JSON.stringify(rest), pipelines.map((p) => JSON.stringify(p)).join("\n"), steps.map((s) => JSON.stringify(s)).join("\n"));
  console.log(lines.slice(0, Number(process.env.LINES ?? 80)).join("\n"));
}, 600_000);
