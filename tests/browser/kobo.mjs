// What a Kobo asks while a book of its shelf is still being converted.

import {setTimeout as pause} from 'node:timers/promises';

// A book is announced only when what will be sent is made; its collection may come before. SYNC gives the items of one answer.
// A conversion that could not be done is tried again after ten seconds and a minute: on a busy machine that is waited for.
export async function syncUntilAnnounced(sync) {
  for (let i = 0; i < 750; ++i) {
    const items = await sync();
    if (items.some((item) => item.NewEntitlement)) return items;
    await pause(200);
  }
  throw new Error('nothing was ever announced');
}
