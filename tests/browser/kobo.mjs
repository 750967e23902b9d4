// What a Kobo asks while a book of its shelf is still being converted.

import {setTimeout as pause} from 'node:timers/promises';

// A book is announced only when what will be sent is made; its collection may come before. SYNC gives the items of one answer.
export async function syncUntilAnnounced(sync) {
  for (let i = 0; i < 300; ++i) {
    const items = await sync();
    if (items.some((item) => item.NewEntitlement)) return items;
    await pause(200);
  }
  throw new Error('nothing was ever announced');
}
