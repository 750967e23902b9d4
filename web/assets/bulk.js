// Lists of books: one box ticks all of the page, and Escape closes the cell that is open.

const boxes = () => [...document.querySelectorAll('input[name="book"][form="pick"]')];

function showPageBox() {
  const label = document.querySelector('[data-pick-page]');
  if (label) label.hidden = boxes().length === 0;
}

document.addEventListener('change', (event) => {
  const all = event.target.closest('[data-pick-page] input');
  if (all) {
    for (const box of boxes()) box.checked = all.checked;
    return;
  }
  const page = document.querySelector('[data-pick-page] input');
  if (page && event.target.matches('input[name="book"][form="pick"]')) page.checked = boxes().every((box) => box.checked);
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') event.target.closest('.cell-form')?.querySelector('a')?.click();
});

document.addEventListener('DOMContentLoaded', showPageBox);
document.addEventListener('htmx:afterSettle', showPageBox);
