/** A typed client of the utxoIQ persistence API. The types in generated/ are made from its document. */
export { MetricBatches, type NewMetric } from "./batches.ts";
export { createPersistenceClient, type Options, type PersistenceClient, result, type Schemas } from "./client.ts";
export { ApiError, type ProblemDetails } from "./errors.ts";
export { etagOf, type Job, refresh, reportProgress, startJob } from "./jobs.ts";
export { pages } from "./pages.ts";
export { RETRIES, type Retries } from "./retries.ts";
