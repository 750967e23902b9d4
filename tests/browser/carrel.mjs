// A running server with an empty library in a folder of its own.

import {spawn} from 'node:child_process';
import {chmod, mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createServer} from 'node:net';

const freePort = () => new Promise((resolve, reject) => {
  const probe = createServer();
  probe.on('error', reject);
  probe.listen(0, '127.0.0.1', () => {
    const {port} = probe.address();
    probe.close(() => resolve(port));
  });
});

// Settings of whoever runs the tests must not reach the server.
const foreign = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CARREL_')));

export async function startCarrel() {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-browser-'));
  await chmod(folder, 0o755);  // the server may give the data to its own user
  const tree = join(folder, 'tree');  // for a library beside the store
  await mkdir(tree);
  await chmod(tree, 0o777);
  const port = await freePort();
  const metrics = await freePort();
  const child = spawn(process.env.PROGRAM, ['serve'], {
    env: {...foreign, CARREL_DATA_DIR: join(folder, 'data'), CARREL_CACHE_DIR: join(folder, 'data', 'cache'),
          CARREL_LIBRARY_ROOTS: folder, CARREL_LISTEN: `127.0.0.1:${port}`, CARREL_LISTEN_METRICS: `127.0.0.1:${metrics}`, CARREL_LOG_FORMAT: 'text'},
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  let more;
  const grown = () => new Promise((resolve) => { more = resolve; });
  child.stderr.on('data', (piece) => { log += piece; more?.(); });
  const base = `http://127.0.0.1:${port}`;
  const ended = new Promise((resolve) => child.on('exit', resolve));

  for (;;) {
    const said = grown();
    const code = log.match(/ code="?([a-z0-9-]+)/);
    const ready = code && await fetch(base + '/readyz').then((r) => r.ok, () => false);
    if (ready) return {
      base, tree, code: code[1], log: () => log,
      async stop() {
        child.kill('SIGTERM');
        const status = await ended;
        await rm(folder, {recursive: true, force: true});
        return status;
      },
    };
    const over = await Promise.race([said, ended.then(() => true)]);
    if (over) throw new Error('the server did not start:\n' + log);
  }
}
