/**
 * Yields every page of a list; rows that are added meanwhile change nothing in the pages that follow.
 * `list` asks for the page at a cursor, and for the first one without.
 */
export async function* pages<Page>(
  list: (page: { cursor?: string }) => Promise<{ data?: Page; response: Response }>,
): AsyncGenerator<Page, void, undefined> {
  let page: { cursor?: string } | undefined = {};
  while (page !== undefined) {
    const { data, response }: { data?: Page; response: Response } = await list(page);
    if (data === undefined) throw new TypeError(`an answer with status ${response.status} has no page`);
    yield data;
    const cursor = nextCursor(response.headers);
    page = cursor === undefined ? undefined : { cursor };
  }
}

/** Returns the cursor of the next page from the Link header, or undefined after the last page. */
export function nextCursor(headers: Headers): string | undefined {
  const target = /<([^>]*)>\s*;[^,<]*\brel="?next"?/.exec(headers.get("link") ?? "")?.[1];
  return target === undefined ? undefined : (new URL(target, "http://link.invalid").searchParams.get("cursor") ?? undefined);
}
