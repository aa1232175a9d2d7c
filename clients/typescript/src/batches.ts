import { type PersistenceClient, result, type Schemas } from "./client.ts";
import { IDEMPOTENCY_KEY } from "./retries.ts";

export type NewMetric = Schemas["NewMetric"];
export const MOST_METRICS = 5_000;
export const MOST_BYTES = 8 * 2 ** 20;

/** Metrics that go in one request. One that failed is sent again as it was, with the same Idempotency-Key. */
interface Batch {
  readonly metrics: NewMetric[];
  readonly key: string;
}

/**
 * Records metrics: full batches as they fill, the rest by flush(). A batch that failed stays, and goes first at the
 * next attempt, under its old Idempotency-Key.
 */
export class MetricBatches {
  /** How many metrics the service has confirmed. */
  recorded = 0;
  readonly #client: PersistenceClient;
  readonly #cut: Batch[] = [];
  #open: NewMetric[] = [];
  #bytes = 2;
  #sending: Promise<void> = Promise.resolve();

  constructor(client: PersistenceClient) {
    this.#client = client;
  }

  /** Adds a metric, measured now if it has no timestamp. It is kept even where sending a full batch fails. */
  async add(metric: NewMetric): Promise<void> {
    const stamped = { ...metric, timestamp: metric.timestamp ?? new Date().toISOString() };
    const bytes = new TextEncoder().encode(JSON.stringify(stamped)).length + 1;
    if (this.#bytes + bytes > MOST_BYTES) this.#closeBatch();
    this.#open.push(stamped);
    this.#bytes += bytes;
    if (this.#open.length === MOST_METRICS) this.#closeBatch();
    if (this.#cut.length > 0) await this.#send();
  }

  /** Sends all that is there. Call it at the end. */
  async flush(): Promise<void> {
    this.#closeBatch();
    await this.#send();
  }

  #closeBatch(): void {
    if (this.#open.length === 0) return;
    this.#cut.push({ metrics: this.#open, key: crypto.randomUUID() });
    this.#open = [];
    this.#bytes = 2;
  }

  /** One call sends after the other; each tells its own caller what went wrong. */
  #send(): Promise<void> {
    const sent = this.#sending.then(() => this.#sendAll());
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  async #sendAll(): Promise<void> {
    for (let batch = this.#cut[0]; batch !== undefined; batch = this.#cut[0]) {
      const params = { header: { [IDEMPOTENCY_KEY]: batch.key } };
      await result(this.#client.POST("/api/v1/monitoring/metrics/batch", { params, body: batch.metrics }));
      this.#cut.shift();
      this.recorded += batch.metrics.length;
    }
  }
}
