// Fetches a page again and again, until it is paused or hidden, and says how old what is shown is.
import {fetchPage, find, show} from './pages.js';

const LONGEST = 30000;

export function keepRenewing() {
  const every = Number(document.body.dataset.every) * 1000;
  const live = find('live'), pause = find('pause');
  if (!every) return;
  let paused = false, asking = false, next = 0, failures = 0;

  async function refresh() {
    clearTimeout(next);
    if (asking || paused || document.hidden) return;
    asking = true;
    try {
      const {fresh} = await fetchPage(location.href);
      failures = 0;
      find('lost').textContent = '';
      if (!paused) { show(fresh); say('live'); }
    } catch (error) {
      failures += 1;
      if (failures === 2) find('lost').textContent = 'The console does not answer. This page shows what was last known, and goes on trying.';
      if (!paused) say('lost');
    } finally {
      asking = false;
      if (!paused) next = setTimeout(refresh, Math.min(every * 2 ** Math.min(failures, 3), LONGEST));
    }
  }

  function say(state) {
    live.dataset.state = state;
    find('live-word').textContent = {live: 'Live, as of', lost: 'Connection lost; as of', paused: 'Paused, as of'}[state];
  }

  pause.hidden = false;
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (paused) { clearTimeout(next); say('paused'); } else refresh();
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
  say('live');
  next = setTimeout(refresh, every);
}
