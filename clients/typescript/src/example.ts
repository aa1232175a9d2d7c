/* Fills a range of blocks, reports progress, and records how long each part took. */
import { ApiError, createPersistenceClient, MetricBatches, pages, refresh, reportProgress, result, startJob } from "./index.ts";

/** Runs against an API; `print` takes what happened. */
export async function example(baseUrl: string, apiKey: string, print: (...words: unknown[]) => void): Promise<void> {
  const client = createPersistenceClient({ baseUrl, apiKey });
  let job = await startJob(client, { job_type: "utxo_set", start_block: 0, end_block: 300 });
  const metrics = new MetricBatches(client);
  for (const block of [100, 200, 300]) {
    const began = performance.now();
    // the work
    const metric_value = performance.now() - began;
    await metrics.add({ service_name: "utxo-filler", metric_type: "latency", metric_value, unit: "ms" });
    try {
      job = await reportProgress(client, job, { current_block: block });
    } catch (error) {
      if (!(error instanceof ApiError && error.kind === "stale-version")) throw error;
      job = await refresh(client, job); // somebody else reported meanwhile
    }
  }
  await metrics.flush();
  job = await reportProgress(client, job, { status: "completed" });
  print(job.status, metrics.recorded);

  // Every operation of the API, by its path.
  const query = { job_type: "utxo_set", limit: 100 };
  const list = (page: { cursor?: string }) =>
    client.GET("/api/v1/monitoring/backfill/status", { params: { query: { ...query, ...page } } });
  for await (const found of pages(list)) for (const { id, status } of found) print(id, status);
  const answer = client.GET("/api/v1/feedback/stats", { params: { query: { insight_id: "whale-alert-42" } } });
  print((await result(answer)).average_rating);
}
