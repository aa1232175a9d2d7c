import { ApiError, errorOf } from "./errors.ts";

export const IDEMPOTENCY_KEY = "Idempotency-Key";
/** POSTs that create: each gets a key, so that the service applies it once however often it comes. */
export const CREATING = ["/api/v1/monitoring/backfill/start", "/api/v1/monitoring/metrics", "/api/v1/monitoring/metrics/batch"];
/** POSTs that set what they name: twice is the same as once. */
export const SETTING = ["/api/v1/feedback/rate", "/api/v1/feedback/comment", "/api/v1/feedback/flag"];
const IDEMPOTENT_METHODS = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** The request was not taken: its body came too slowly, or its caller has no requests left. */
const REFUSED = new Set([408, 429]);
const PASSING = new Set([...REFUSED, 502, 503, 504]);
/** What Node says where a connection could not be made. A browser does not say. */
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

/**
 * When a request is sent again, and after how long. One whose outcome is unknown (the connection broke, no answer came
 * in time, or it was 502, 503 or 504) is sent again only if that does no harm: it reads, it has an Idempotency-Key or
 * If-Match, or it sets what it names. One that was certainly not applied is sent again whatever it is.
 */
export interface Retries {
  /** How often a request is sent at most; 1 means no retry. */
  attempts: number;
  /** How many seconds are waited at most. If Retry-After says more, the error is thrown. */
  longestWait: number;
  /** How many seconds are waited first without a Retry-After. It doubles, less up to half by chance. */
  firstWait: number;
}

export const RETRIES: Retries = { attempts: 4, longestWait: 60, firstWait: 0.5 };

/**
 * Returns a fetch that retries, and throws ApiError for a status of 400 or more. `identify` adds the credentials to
 * each attempt; `timeout` is the seconds that each may take.
 */
export function retrying(
  fetch: (request: Request) => Promise<Response>,
  identify: (headers: Headers) => void | Promise<void>,
  retries: Retries,
  timeout: number,
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method === "POST" && ends(request, CREATING) && !request.headers.has(IDEMPOTENCY_KEY)) {
      request.headers.set(IDEMPOTENCY_KEY, crypto.randomUUID());
    }
    for (let attempt = 1; ; attempt++) {
      await identify(request.headers);
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout * 1000)]);
      let wait: number | undefined;
      try {
        const response = await fetch(new Request(request.clone(), { signal }));
        wait = waitAfterResponse(request, response, attempt, retries);
        if (wait === undefined) {
          if (response.status >= 400) throw await errorOf(request, response);
          return response;
        }
        await response.body?.cancel();
      } catch (error) {
        if (wait !== undefined || error instanceof ApiError) throw error;
        wait = waitAfterError(request, error, attempt, retries);
        if (wait === undefined) throw error;
      }
      await pause(wait, request.signal);
    }
  };
}

/** Returns the seconds that Retry-After asks for, as a number or as a date; undefined if it says nothing. */
export function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : Math.max(0, (moment - Date.now()) / 1000);
}

function waitAfterResponse(request: Request, response: Response, attempt: number, retries: Retries): number | undefined {
  if (attempt >= retries.attempts || !PASSING.has(response.status)) return undefined;
  if (!REFUSED.has(response.status) && !mayRepeat(request)) return undefined;
  const wait = retryAfter(response.headers) ?? backoff(attempt, retries);
  return wait <= retries.longestWait ? wait : undefined;
}

function waitAfterError(request: Request, error: unknown, attempt: number, retries: Retries): number | undefined {
  if (attempt >= retries.attempts || request.signal.aborted) return undefined;
  return notSent(error) || mayRepeat(request) ? backoff(attempt, retries) : undefined;
}

function backoff(attempt: number, retries: Retries): number {
  return Math.min(retries.longestWait, retries.firstWait * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

function notSent(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  return typeof cause?.code === "string" && NOT_SENT.has(cause.code);
}

function mayRepeat(request: Request): boolean {
  if (IDEMPOTENT_METHODS.has(request.method) || ends(request, SETTING)) return true;
  return request.headers.has(IDEMPOTENCY_KEY) || request.headers.has("If-Match");
}

function ends(request: Request, paths: readonly string[]): boolean {
  const { pathname } = new URL(request.url);
  return paths.some((path) => pathname.endsWith(path));
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
}
