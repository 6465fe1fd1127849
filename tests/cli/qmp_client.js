// SPDX-License-Identifier: Apache-2.0
// Drives a machine by the npm package qemu-qmp: qmp_client.js SOCKET. See check_qmp_client.sh.
'use strict';

const QMP = require('qemu-qmp');
const assert = require('assert');

const qmp = new QMP();

function execute(command, args) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error ? reject(error) : resolve(result));
    if (args) qmp.execute(command, args, done);
    else qmp.execute(command, done);
  });
}

// Asked for before what brings it about.
function event(name) {
  return new Promise((resolve) => qmp.once(name, resolve));
}

async function drive() {
  assert.strictEqual(typeof qmp.version.qemu.major, 'number');
  assert.match(qmp.version.package, /^iolite /);
  assert.deepStrictEqual(await execute('query-status'), { status: 'running', running: true, singlestep: false });
  assert.deepStrictEqual(await execute('query-name'), { name: 'qmp-client' });

  const stopped = event('stop');
  await execute('stop');
  await stopped;
  assert.strictEqual((await execute('query-status')).status, 'paused');

  const resumed = event('resume');
  await execute('cont');
  await resumed;
  assert.strictEqual((await execute('query-status')).status, 'running');

  const pressed = event('powerdown');
  await execute('system_powerdown');
  await pressed;

  const reset = event('reset');
  await execute('system_reset');
  await reset;

  await assert.rejects(execute('no-such-command'), /no-such-command/);
  await assert.rejects(execute('set_link', { name: 'net7', up: true }), /net7/);
  const commands = await execute('query-commands');
  assert(commands.some((command) => command.name === 'query-cpus-fast'));

  const shutdown = event('shutdown');
  await execute('quit');
  await shutdown;
}

qmp.connect(process.argv[2], (error) => {
  if (error) throw error;
  drive().then(() => process.exit(0), (failure) => {
    console.log(`FAIL: ${failure.stack}`);
    process.exit(1);
  });
});
