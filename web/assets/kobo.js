// The page that adds a Kobo: changes one line of its configuration here in the browser, and lights up while the reader calls.

// Bytes as text and back, one character a byte, so that nothing but the line is touched whatever the file is written in.
const asText = (buffer) => Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
const asFile = (text) => new Blob([Uint8Array.from(text, (c) => c.charCodeAt(0))], {type: 'application/octet-stream'});

// The line of [OneStoreServices] takes the place of the one that is there, or is added to the section, or the section to the file.
function patched(text, endpoint) {
  const line = 'api_endpoint=' + endpoint;
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = text.split(/(?<=\n)/);  // each with its own end
  const bare = (one) => one.replace(/^\u00ef\u00bb\u00bf/, '').trim();  // a mark of UTF-8 may stand before the first
  const heads = (one) => /^\[[^\]]+\]$/.test(bare(one));
  if (!lines.some(heads)) return null;
  const section = lines.findIndex((one) => /^\[OneStoreServices\]$/i.test(bare(one)));
  if (section < 0) {
    const body = text.endsWith('\n') || text === '' ? text : text + end;
    return {text: body + end + '[OneStoreServices]' + end + line + end, before: '', after: line};
  }
  let stop = lines.findIndex((one, i) => i > section && heads(one));
  if (stop < 0) stop = lines.length;
  // Of several only one counts, and which is the reader's secret: all of them say the same afterwards.
  const places = lines.flatMap((one, i) => i > section && i < stop && /^api_endpoint\s*=/i.test(bare(one)) ? [i] : []);
  const before = places.map((i) => bare(lines[i])).join('\n');
  for (const i of places) lines[i] = line + lines[i].slice(lines[i].trimEnd().length);
  if (places.length === 0) {
    if (!lines[section].endsWith('\n')) lines[section] += end;
    lines.splice(section + 1, 0, line + end);
  }
  return {text: lines.join(''), before, after: line};
}

function confPatch() {
  const box = document.querySelector('[data-kobo-conf]');
  if (!box) return;
  const {endpoint, wrong, none} = box.dataset;
  const part = (name) => box.querySelector(`[data-${name}]`);
  const offer = (anchor, file) => {
    if (anchor.href) URL.revokeObjectURL(anchor.href);
    anchor.href = URL.createObjectURL(file);
  };
  box.hidden = false;
  const line = document.querySelector('[data-line]');
  line.hidden = false;
  offer(line.querySelector('a'), new Blob(['api_endpoint=' + endpoint + '\n'], {type: 'text/plain'}));
  box.querySelector('input').addEventListener('change', async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const old = asText(await file.arrayBuffer());
    const made = patched(old, endpoint);
    part('result').hidden = !made;
    part('problem').hidden = Boolean(made);
    if (!made) {
      part('problem').textContent = wrong;
      return;
    }
    part('before').textContent = made.before || none;
    part('after').textContent = made.after;
    offer(part('new'), asFile(made.text));
    offer(part('old'), asFile(old));
  });
}

function livePanel() {
  const panel = document.querySelector('[data-live]');
  if (!panel || !window.EventSource) return;
  const late = setTimeout(() => {
    if (!panel.querySelector('.lit')) panel.querySelector('[data-late]').hidden = false;
  }, 180_000);
  const stream = new EventSource(panel.dataset.live);
  stream.addEventListener('step', (event) => {
    const now = JSON.parse(event.data);
    for (const step of panel.querySelectorAll('[data-step]')) step.classList.toggle('lit', now[step.dataset.step]);
    const detail = (name, text) => { panel.querySelector(`[data-step="${name}"] [data-detail]`).textContent = text; };
    detail('identified', now.model);
    if (now.done) detail('library', panel.dataset.progress.replace('##', now.all).replace('#', now.done));
    if (!now.fetched) return;
    clearTimeout(late);
    stream.close();
  });
}

document.addEventListener('DOMContentLoaded', () => {
  confPatch();
  livePanel();
});
