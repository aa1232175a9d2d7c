import type { components } from "./generated/schema.ts";

export type ProblemDetails = components["schemas"]["ProblemDetails"];

/** What kinds of problem the API names, as `ApiError.kind` has them: the end of `type`, such as "stale-version". */
const KIND = /^urn:utxoiq:problem:(.+)$/;

/** The service refused a request, or failed. */
export class ApiError extends Error {
  /** What the answer says; made of its status where it has no problem details, such as one of a proxy. */
  readonly problem: ProblemDetails;
  /** The answer's headers, such as Retry-After. */
  readonly headers: Headers;

  constructor(problem: ProblemDetails, headers: Headers) {
    super(`${problem.status} ${problem.title}: ${problem.detail} (${problem.instance})`);
    this.name = "ApiError";
    this.problem = problem;
    this.headers = headers;
  }

  get status(): number {
    return this.problem.status;
  }

  /** "stale-version", "job-ended", "rate-limit", … of the catalogue in docs/api.md; undefined where the status says it all. */
  get kind(): string | undefined {
    return KIND.exec(this.problem.type)?.[1];
  }
}

/** Returns the error for an answer with a status of 400 or more. */
export async function errorOf(request: Request, response: Response): Promise<ApiError> {
  return new ApiError(await problemOf(request, response), response.headers);
}

async function problemOf(request: Request, response: Response): Promise<ProblemDetails> {
  const text = await response.text();
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    try {
      return JSON.parse(text) as ProblemDetails;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error; // Cut off on its way: the status still tells something.
    }
  }
  return {
    type: "about:blank",
    title: response.statusText || "Error",
    status: response.status,
    detail: "the answer has no problem details",
    instance: `${request.method} ${new URL(request.url).pathname}`,
  };
}
