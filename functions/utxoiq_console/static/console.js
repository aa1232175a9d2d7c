// Pages are whole without this. It fetches the page again and again and changes what has changed, so that focus, scroll
// position, open details and what is being typed stay; it sends forms the same way; it lets charts be read point by point.
'use strict';
(() => {
  const PATIENCE = 20000;
  const every = Number(document.body.dataset.every) * 1000;
  const find = (id) => document.getElementById(id);
  const main = find('main'), live = find('live'), pause = find('pause');
  let paused = false, asking = false, next = 0, failures = 0;

  async function page(url, options = {}) {
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

  function show(fresh) {
    const held = document.activeElement;
    morph(main, fresh.getElementById('main'));
    if (held && held !== document.activeElement && held.isConnected) held.focus({preventScroll: true});
    const time = fresh.getElementById('live-time');
    if (time && find('live-time')) morph(find('live-time'), time);
  }

  // A node becomes like another one. Those with a key are found again wherever they have moved to.
  function morph(node, like) {
    if (node.nodeType !== Node.ELEMENT_NODE) {
      if (node.nodeValue !== like.nodeValue) node.nodeValue = like.nodeValue;
      return;
    }
    for (const {name} of [...node.attributes]) if (!like.hasAttribute(name) && !isHeld(node, name)) node.removeAttribute(name);
    for (const {name, value} of like.attributes) if (node.getAttribute(name) !== value && !isHeld(node, name)) node.setAttribute(name, value);
    const keyed = new Map();
    for (const child of node.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
    let at = node.firstChild;
    for (const wanted of [...like.childNodes]) {
      while (at && at.nodeType === Node.ELEMENT_NODE && at.classList.contains('own')) at = at.nextSibling;
      const key = keyOf(wanted), found = key ? keyed.get(key) : at && !keyOf(at) && isAlike(at, wanted) ? at : null;
      if (!found) {
        node.insertBefore(wanted, at);
        continue;
      }
      if (found === at) at = at.nextSibling;
      else node.insertBefore(found, at);
      morph(found, wanted);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      if (!(gone.nodeType === Node.ELEMENT_NODE && gone.classList.contains('own'))) gone.remove();
    }
  }
  const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined;
  const isAlike = (node, other) => node.nodeType === other.nodeType && node.nodeName === other.nodeName;
  const isHeld = (node, name) => name === 'open' && node.nodeName === 'DETAILS' || name === 'aria-busy';

  async function refresh() {
    clearTimeout(next);
    if (asking || paused || document.hidden) return;
    asking = true;
    try {
      const {fresh} = await page(location.href);
      failures = 0;
      find('lost').textContent = '';
      if (!paused) { show(fresh); say('live'); }
    } catch (error) {
      failures += 1;
      if (failures === 2) find('lost').textContent = 'The console does not answer. This page shows what was last known, and goes on trying.';
      if (!paused) say('lost');
    } finally {
      asking = false;
      if (!paused) next = setTimeout(refresh, Math.min(every * 2 ** Math.min(failures, 3), 30000));
    }
  }

  function say(state) {
    live.dataset.state = state;
    find('live-word').textContent = {live: 'Live, as of', lost: 'Connection lost; as of', paused: 'Paused, as of', still: 'As of'}[state];
  }

  if (every) {
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

  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('[data-live]')) return;
    event.preventDefault();
    if (form.getAttribute('aria-busy')) return;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    form.setAttribute('aria-busy', 'true');
    find('said').textContent = '';
    try {
      const {answer, fresh} = await page(form.action, {method: 'POST', body});
      if (answer.ok) {
        show(fresh);
        find('said').textContent = fresh.getElementById('said').textContent.trim();
        const to = form.dataset.focus && find(form.dataset.focus);
        if (to) { to.scrollIntoView({block: 'start'}); to.focus({preventScroll: true}); }
      } else {
        find('said').textContent = fresh.querySelector('.sum').textContent.trim();
      }
    } catch (error) {
      find('said').textContent = 'The console did not answer: whether it was done shows when it is back.';
    } finally {
      form.removeAttribute('aria-busy');
    }
  });

  // Charts: the values at a moment, under the pointer or by arrow keys.
  const number = (value) => Number(value.toPrecision(3)).toLocaleString('en');
  const paths = (plot) => [...plot.querySelectorAll('path.drawn')].map((path) => ({
    name: path.dataset.name,
    points: [...path.getAttribute('d').matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]),
  }));

  function read(plot, x) {
    const lines = paths(plot), all = lines.flatMap((line) => line.points.map(([at]) => at));
    if (!all.length) return;
    const at = all.reduce((best, one) => Math.abs(one - x) < Math.abs(best - x) ? one : best);
    plot.at = at;
    const {top, unit, start, end} = plot.dataset;
    const moment = new Date((Number(start) + at / 600 * (Number(end) - Number(start))) * 1000);
    const rows = lines.flatMap(({name, points}) => points.filter(([one]) => Math.abs(one - at) < 0.2).map(([, y]) => [name, (1 - y / 120) * Number(top)]));
    rows.sort((one, other) => other[1] - one[1]);
    const text = [moment.toISOString().slice(11, 16), ...rows.map(([name, value]) => `${name}  ${number(value)}${unit === '/s' ? '/s' : unit && ' ' + unit}`)].join('\n');
    const hair = own(plot, 'hair'), tip = own(plot, 'tip');
    tip.setAttribute('role', 'status');
    hair.style.left = `${at / 6}%`;
    tip.textContent = text;
    tip.style.left = at < 300 ? `calc(${at / 6}% + .5rem)` : 'auto';
    tip.style.right = at < 300 ? 'auto' : `calc(${100 - at / 6}% + .5rem)`;
  }
  function own(plot, name) {
    let made = plot.querySelector(`.${name}`);
    if (!made) {
      made = document.createElement('div');
      made.className = `own ${name}`;
      plot.append(made);
    }
    return made;
  }
  const leave = (plot) => plot.querySelectorAll('.own').forEach((made) => made.remove());
  const plotOf = (event) => event.target instanceof Element && event.target.closest('div.plot');

  main.addEventListener('pointermove', (event) => {
    const plot = plotOf(event);
    if (!plot) return;
    const box = plot.getBoundingClientRect();
    read(plot, (event.clientX - box.left) / box.width * 600);
  });
  main.addEventListener('pointerout', (event) => {
    const plot = plotOf(event);
    if (plot && !plot.contains(event.relatedTarget) && document.activeElement !== plot) leave(plot);
  });
  main.addEventListener('focusout', (event) => { const plot = plotOf(event); if (plot) leave(plot); });
  main.addEventListener('keydown', (event) => {
    const plot = event.target.matches('div.plot') && event.target;
    if (!plot) return;
    const moments = [...new Set(paths(plot).flatMap((line) => line.points.map(([at]) => at)))].sort((one, other) => one - other);
    const index = moments.indexOf(plot.at), last = moments.length - 1;
    const to = {ArrowLeft: index < 0 ? last : Math.max(0, index - 1), ArrowRight: index < 0 ? 0 : Math.min(last, index + 1), Home: 0, End: last}[event.key];
    if (event.key === 'Escape') leave(plot);
    if (to === undefined) return;
    event.preventDefault();
    read(plot, moments[to]);
  });
})();
