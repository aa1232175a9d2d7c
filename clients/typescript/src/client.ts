import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./generated/schema.ts";
import { RETRIES, type Retries, retrying } from "./retries.ts";

export type Schemas = components["schemas"];
export type PersistenceClient = Client<paths>;

export interface Options {
  /** The API's base URL. */
  baseUrl: string;
  /** The API key of a service. */
  apiKey?: string;
  /** The ID token of a user or operator, or a function that returns one that is valid now. */
  token?: string | (() => string | Promise<string>);
  retries?: Partial<Retries>;
  /** The seconds that an answer may take; 30 if left out. */
  timeout?: number;
  /** What sends requests; the global fetch if left out. */
  fetch?: (request: Request) => Promise<Response>;
}

/** Returns openapi-fetch's client of all operations, with credentials, retries, and ApiError for errors. */
export function createPersistenceClient(options: Options): PersistenceClient {
  const { apiKey, token } = options;
  if (apiKey !== undefined && token !== undefined) throw new TypeError("give an API key or a token, not both");
  const identify = async (headers: Headers): Promise<void> => {
    if (apiKey !== undefined) headers.set("X-API-Key", apiKey);
    if (token !== undefined) headers.set("Authorization", `Bearer ${typeof token === "function" ? await token() : token}`);
  };
  const send = options.fetch ?? ((request: Request) => fetch(request));
  const retries = { ...RETRIES, ...options.retries };
  return createClient<paths>({
    baseUrl: options.baseUrl,
    fetch: retrying(send, identify, retries, options.timeout ?? 30),
  });
}

/** Returns what an operation answered. An error has been thrown as ApiError before. */
export async function result<T>(answer: Promise<{ data?: T; response: Response }>): Promise<NonNullable<T>> {
  const { data, response } = await answer;
  if (data === undefined || data === null) throw new TypeError(`an answer with status ${response.status} has no result`);
  return data;
}
