// Fetches a page of the console, and shows it in place of the one that is there.
import {morph} from './morphing.js';

const PATIENCE = 20000;
export const find = (id) => document.getElementById(id);

export async function fetchPage(url, options = {}) {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), PATIENCE * (options.method ? 4 : 1));
  try {
    const answer = await fetch(url, {...options, signal: stop.signal, headers: {...options.headers, Accept: 'text/html'}});
    const type = answer.headers.get('Content-Type') || '';
    if (!type.startsWith('text/html')) throw new Error(`it answered ${answer.status}`);
    const text = await answer.text();
    if (answer.status >= 500 && !options.method) throw new Error(`it answered ${answer.status}`);
    return {answer, fresh: new DOMParser().parseFromString(text, 'text/html')};
  } finally {
    clearTimeout(late);
  }
}

export function show(fresh) {
  const held = document.activeElement;
  morph(find('main'), fresh.getElementById('main'));
  if (held && held !== document.activeElement && held.isConnected) held.focus({preventScroll: true});
  const time = fresh.getElementById('live-time');
  if (time && find('live-time')) morph(find('live-time'), time);
  document.dispatchEvent(new Event('shown'));
}
