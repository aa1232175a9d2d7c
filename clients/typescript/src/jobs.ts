import { type PersistenceClient, result, type Schemas } from "./client.ts";

export type Job = Schemas["Job"];

/** Starts a backfill job, once however often it is sent, and returns it. */
export function startJob(client: PersistenceClient, job: Schemas["NewJob"]): Promise<Job> {
  return result(client.POST("/api/v1/monitoring/backfill/start", { body: job }));
}

/**
 * Reports progress on the version of a job that the caller saw, and returns the new one. Throws ApiError of the kind
 * "stale-version" if somebody else changed the job meanwhile; nothing has changed then.
 */
export function reportProgress(client: PersistenceClient, job: Job, progress: Schemas["JobProgress"]): Promise<Job> {
  const params = { query: { job_id: job.id }, header: { "If-Match": etagOf(job) } };
  return result(client.POST("/api/v1/monitoring/backfill/progress", { params, body: progress }));
}

/** Returns the job as it is now; the very same object if it has not changed. */
export async function refresh(client: PersistenceClient, job: Job): Promise<Job> {
  const params = { path: { job_id: job.id }, header: { "If-None-Match": etagOf(job) } };
  const { data, response } = await client.GET("/api/v1/monitoring/backfill/{job_id}", { params });
  return response.status === 304 || data === undefined ? job : data;
}

/** Returns the ETag of a job: its version in quotes. */
export function etagOf(job: Job): string {
  return `"${job.version}"`;
}
