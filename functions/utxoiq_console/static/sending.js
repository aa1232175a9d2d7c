// Sends forms that are marked `data-live` without leaving the page, and shows the page that they lead to in its place.
import {fetchPage, find, show} from './pages.js';

const UNKNOWN = 'The console did not answer: whether it was done shows when it is back.';

export function sendInPlace() {
  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('[data-live]')) return;
    event.preventDefault();
    if (form.getAttribute('aria-busy')) return;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    form.setAttribute('aria-busy', 'true');
    find('said').textContent = '';
    try {
      const {answer, fresh} = await fetchPage(form.getAttribute('action'), {method: 'POST', body});
      if (answer.ok) {
        show(fresh);
        find('said').textContent = fresh.getElementById('said').textContent.trim();
        const to = form.dataset.focus && find(form.dataset.focus);
        if (to) { to.scrollIntoView({block: 'start'}); to.focus({preventScroll: true}); }
      } else {
        find('said').textContent = fresh.querySelector('.sum').textContent.trim();
      }
    } catch (error) {
      find('said').textContent = UNKNOWN;
    } finally {
      form.removeAttribute('aria-busy');
    }
  });
}
