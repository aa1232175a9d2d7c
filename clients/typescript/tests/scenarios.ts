/* What tests/integration/http/clients/test_typescript.py runs, each by its name: it prints what it saw, as JSON. */
import { example } from "../src/example.ts";
import { ApiError, createPersistenceClient, MetricBatches, pages, refresh, reportProgress, result, startJob } from "../src/index.ts";

const [name = "", baseUrl = "", apiKey = ""] = process.argv.slice(2);
const client = createPersistenceClient({ baseUrl, apiKey, retries: { firstWait: 0.01 } });
const kind = crypto.randomUUID();
const job = { job_type: kind, start_block: 0, end_block: 1000 };
const metric = { service_name: kind, metric_type: "latency", metric_value: 1, unit: "ms" };

const list = (limit: number) => (page: { cursor?: string }) =>
  client.GET("/api/v1/monitoring/backfill/status", { params: { query: { job_type: kind, limit, ...page } } });

/** Returns what an error says of itself. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error instanceof ApiError ? { status: error.status, kind: error.kind ?? null } : { error: String(error) };
  }
  return null;
}

async function counted(): Promise<number> {
  const query = {
    service_name: kind,
    metric_type: "latency",
    start_time: new Date(Date.now() - 3_600_000).toISOString(),
    end_time: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const { data } = await result(client.GET("/api/v1/monitoring/metrics/aggregate", { params: { query } }));
  return data.reduce((sum, bucket) => sum + bucket.count, 0);
}

const scenarios: Record<string, () => Promise<unknown>> = {
  async example() {
    const printed: unknown[][] = [];
    await example(baseUrl, apiKey, (...words) => printed.push(words));
    return printed[0];
  },
  async stale() {
    const started = await startJob(client, job);
    const reported = await reportProgress(client, started, { current_block: 10 });
    const refused = await failure(reportProgress(client, started, { current_block: 5 }));
    const fresh = await refresh(client, started);
    return { block: fresh.current_block, refused, same: (await refresh(client, reported)) === reported };
  },
  async pages() {
    const started: string[] = [];
    for (let number = 0; number < 5; number++) started.unshift((await startJob(client, job)).id);
    const sizes: number[] = [];
    const seen: string[] = [];
    for await (const page of pages(list(2))) {
      sizes.push(page.length);
      seen.push(...page.map((found) => found.id));
    }
    return { sizes, same: JSON.stringify(seen) === JSON.stringify(started) };
  },
  async batches() {
    const batches = new MetricBatches(client);
    for (let number = 0; number < 12_000; number++) await batches.add(metric);
    await batches.flush();
    return { recorded: batches.recorded, counted: await counted() };
  },
  async large() {
    const batches = new MetricBatches(client);
    const metric_metadata = { note: "é".repeat(30_000) };
    for (let number = 0; number < 300; number++) await batches.add({ ...metric, metric_metadata });
    await batches.flush();
    return counted();
  },
  async failedBatch() {
    const batches = new MetricBatches(client);
    await batches.add(metric);
    const failed = await failure(batches.flush());
    await batches.add(metric);
    await batches.flush();
    return { failed: failed !== null, recorded: batches.recorded, counted: await counted() };
  },
  async start() {
    const started = await startJob(client, job);
    return { same: (await result(list(10)({}))).map((found) => found.id).join() === started.id };
  },
  async progressWithoutMatch() {
    const { id } = await startJob(client, job);
    const body = { current_block: 1 };
    const report = client.POST("/api/v1/monitoring/backfill/progress", { params: { query: { job_id: id } }, body });
    return failure(report);
  },
  async refused() {
    return failure(startJob(client, { ...job, start_block: -1 }));
  },
};

const scenario = scenarios[name];
if (scenario === undefined) throw new TypeError(`no scenario ${name}`);
console.log(JSON.stringify(await scenario()));
