// Single keys in the inbox (product.md 4.8). They can be switched off, and every one of them is a button or a link of the page.

const remembered = 'carrel-review-keys';

function keysOn() {
  try { return localStorage.getItem(remembered) !== 'off'; } catch { return true; }
}

function remember(on) {
  try { localStorage.setItem(remembered, on ? 'on' : 'off'); } catch { /* then until the page is left */ }
}

const isWriting = (element) => element.matches('textarea, select, [contenteditable], input:not([type=radio]):not([type=checkbox])');

function reviewKeys() {
  const root = document.querySelector('[data-review]');
  const undo = document.querySelector('[data-bar] form');  // the bar goes after a while, what it offers does not
  if (!root) return;
  const list = document.getElementById('keys');
  const choice = root.querySelector('[data-keys-switch]');
  const said = root.querySelector('[data-keys-say]');
  const box = choice.querySelector('input');
  let marked = 0;
  choice.hidden = false;
  box.checked = keysOn();
  box.addEventListener('change', () => remember(box.checked));

  const mark = (number) => {
    const cells = root.querySelectorAll(`[data-column="${number}"]`);
    if (!cells.length) return;
    for (const old of root.querySelectorAll('.marked')) old.classList.remove('marked');
    for (const cell of cells) cell.classList.add('marked');
    marked = number;
    said.textContent = root.dataset.marked.replace('#', number);
    cells[0].scrollIntoView({block: 'nearest', inline: 'nearest'});
  };
  const takeColumn = () => {
    if (!marked) said.textContent = root.dataset.none;
    for (const radio of root.querySelectorAll(`tr:not([data-locked]) [data-column="${marked}"] input[type=radio]`)) radio.checked = true;
  };
  const takeBack = () => {
    if (!undo) return;
    undo.hidden = true;
    if (!undo.isConnected) document.body.append(undo);
    undo.requestSubmit();
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isWriting(event.target)) return;
    if (event.key === '?') {
      list.open = true;
      list.querySelector('summary').focus();
      return;
    }
    if (!box.checked) return;
    const button = ['y', 'n', 'r', 'd'].includes(event.key) && root.querySelector(`[data-key="${event.key}"]`);
    if (button) button.click();
    else if (event.key >= '1' && event.key <= '9') mark(Number(event.key));
    else if (event.key === 'a') takeColumn();
    else if (event.key === 'u') takeBack();
    else return;
    event.preventDefault();
  });
}

document.addEventListener('DOMContentLoaded', reviewKeys);
