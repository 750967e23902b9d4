// What htmx cannot do: copy buttons, upload with progress, theme without a reload, the undo bar. Every page works without it.

const token = () => document.querySelector('input[name="csrf"]')?.value || '';

// Without https there is no clipboard for scripts, but a selection can still be copied.
async function copyText(from) {
  if (navigator.clipboard) return navigator.clipboard.writeText(from.textContent);
  getSelection().selectAllChildren(from);
  document.execCommand('copy');
}

function copyButtons(root) {
  for (const button of root.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      await copyText(document.getElementById(button.dataset.copy));
      const use = button.querySelector('use');
      const before = use.getAttribute('href');
      use.setAttribute('href', before.replace('#copy', '#check'));
      setTimeout(() => use.setAttribute('href', before), 2000);
    });
  }
}

function themeForm() {
  const form = document.querySelector('[data-theme-form]');
  form?.addEventListener('submit', (event) => {
    const chosen = event.submitter;
    if (!chosen) return;
    event.preventDefault();
    document.documentElement.dataset.theme = chosen.value;
    for (const b of form.querySelectorAll('button')) b.setAttribute('aria-pressed', String(b === chosen));
    const body = new URLSearchParams(new FormData(form, chosen));
    fetch(form.action, {method: 'POST', body, redirect: 'manual'});
  });
}

// The bar goes after ten seconds, unless somebody is on it. What it says stays possible elsewhere.
function undoBar() {
  const bar = document.querySelector('[data-bar]');
  if (!bar) return;
  const address = new URL(location.href);
  for (const name of ['done', 'about', 'other']) address.searchParams.delete(name);
  history.replaceState(history.state, '', address);
  const leave = () => (bar.matches(':hover, :focus-within') ? setTimeout(leave, 3000) : bar.remove());
  setTimeout(leave, 10000);
}

function link(address, text) {
  const out = document.createElement('a');
  out.href = address;
  out.textContent = text;
  return out;
}

// Says in each row what became of its file, one question at a time. `taken`: jobs and where their words go.
async function followJobs(form, taken) {
  const words = form.dataset;
  const refresh = () => window.htmx?.ajax('GET', location.pathname, {target: '#sent', select: '#sent', swap: 'outerHTML'});
  while (taken.length) {
    const [job, state] = taken.shift();
    const reply = await fetch(words.jobs + job, {headers: {Accept: 'application/json'}}).catch(() => null);
    if (reply && !reply.ok && reply.status < 500 && reply.status !== 429) continue;
    const answer = reply?.ok ? await reply.json().catch(() => ({})) : {};
    const over = answer.state === 'failed' || answer.state === 'cancelled';
    const outcome = answer.outcome || (over ? 'failed' : '');
    if (!outcome) {
      taken.push([job, state]);
      await new Promise((later) => setTimeout(later, 700));
      continue;
    }
    state.textContent = {added: words.added, duplicate: words.known, refused: words.refused, gone: words.gone}[outcome] || words.failed;
    if (answer.book) state.append(' ', link(words.books + answer.book, words.show));
    if (!taken.length) refresh();
  }
}

function sendFile(form, file, row, taken) {
  return new Promise((finished) => {
    const words = form.dataset;
    const state = row.querySelector('span');
    const meter = row.querySelector('progress');
    const end = (text) => { meter.remove(); state.textContent = text; finished(); };
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append('file', file, file.name);
    request.open('POST', words.api);
    request.setRequestHeader('X-CSRF-Token', token());
    request.setRequestHeader('Accept', 'application/json');
    request.upload.onprogress = (event) => { meter.max = event.total || 1; meter.value = event.loaded; };
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* not ours: a proxy answered */ }
      if (request.status === 202) {
        if (answer.job) taken.push([answer.job, state]);
        return end(words.taken);
      }
      if (request.status === 409) {
        end(answer.trashed ? words.trashed : words.known);
        if (answer.book) state.append(' ', link(words.books + answer.book, words.show));
        return;
      }
      const reason = answer.error?.message;
      end(words.failed + (reason ? ': ' + reason : ''));
    };
    request.onerror = () => end(words.failed);
    state.textContent = words.sending;
    request.send(body);
  });
}

function uploadForm() {
  const form = document.querySelector('[data-upload]');
  if (!form) return;
  const zone = form.querySelector('.drop-zone');
  const input = form.querySelector('input[type="file"]');
  const list = document.querySelector('[data-upload-list]');
  for (const name of ['dragover', 'dragenter']) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add('over'); });
  }
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    const waiting = [...input.files].map((file) => {
      const row = document.createElement('li');
      const name = document.createElement('b');
      const state = document.createElement('span');
      const meter = document.createElement('progress');
      name.textContent = file.name;
      state.textContent = form.dataset.waiting;
      meter.value = 0;
      meter.setAttribute('aria-label', file.name);
      row.append(name, ' ', state, meter);
      list.append(row);
      return [file, row];
    });
    const taken = [];
    for (const [file, row] of waiting) await sendFile(form, file, row, taken);
    form.reset();
    button.disabled = false;
    window.htmx?.ajax('GET', location.pathname, {target: '#sent', select: '#sent', swap: 'outerHTML'});
    followJobs(form, taken);
  });
}

// One menu at a time; Escape closes it and gives the focus back.
function menus() {
  const open = () => [...document.querySelectorAll('details.menu[open]')];
  document.addEventListener('click', (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
  });
}

document.addEventListener('DOMContentLoaded', () => {
  if (window.htmx) document.documentElement.classList.add('js');
  copyButtons(document);
  themeForm();
  undoBar();
  uploadForm();
  menus();
  document.getElementById('errors')?.focus();
});
