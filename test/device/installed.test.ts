import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { installedPackages, parseInstalled } from '../../src/device/installed.ts';
import type { Session } from '../../src/device/ssh/session.ts';
import { refusal } from '../refusal.ts';

const fields = 'Maintainer: Nobody <nobody@example.org>\nDescription: x\n';

describe('what is installed on a device', () => {
  it('is what dpkg-query says of this machine', async () => {
    const native = (await execa('dpkg', ['--print-architecture'])).stdout;
    const shown = ['db:Status-Status', 'Package', 'Architecture', 'Version', 'source:Package', 'source:Version'];
    const format = `${shown.map((field) => `\${${field}}`).join('\t')}\n`;
    const { stdout } = await execa('dpkg-query', ['--show', `--showformat=${format}`]);
    const expected = stdout
      .split('\n')
      .map((line) => line.split('\t'))
      .filter(([status]) => status !== 'config-files' && status !== 'not-installed')
      .map(([, ...rest]) => rest.join(' '));
    const installed = parseInstalled(await readFile('/var/lib/dpkg/status', 'utf8'), native);
    const ours = installed.map(({ package: name, architecture, version, source, sourceVersion }) =>
      [name.replace(/:.*/, ''), architecture, version, source, sourceVersion.replace(/\+b\d+$/, '')].join(' '),
    );
    expect(ours.length).to.be.greaterThan(50);
    expect(ours.sort()).to.deep.equal(expected.map((line) => line.replace(/\+b\d+$/, '')).sort());
  });

  it('leaves out what was removed, takes in what was not configured, and names another architecture', () => {
    const stanza = (name: string, status: string, more = '') =>
      `Package: ${name}\nStatus: ${status}\nArchitecture: armhf\nVersion: 1-2+b1\n${more}${fields}\n`;
    const status = [
      stanza('here', 'hold ok installed', 'Source: there (1-2)\nInstalled-Size: 3\n'),
      stanza('gone', 'deinstall ok config-files'),
      stanza('half', 'install ok unpacked'),
      stanza('alien', 'install ok installed').replace('armhf', 'amd64'),
    ];
    const installed = parseInstalled(status.join(''), 'armhf');
    expect(installed.map((pinned) => pinned.package)).to.deep.equal(['here', 'half', 'alien:amd64']);
    expect(installed[0]).to.include({ source: 'there', sourceVersion: '1-2+b1', installedSize: 3072, sha256: null });
  });

  const answering = (exitCode: number, stdout: string) =>
    ({ device: 'bench-1', exec: async () => ({ exitCode, stdout, stderr: '' }) }) as unknown as Session;

  it('is an error of the device when it has no database, an empty one, or one that cannot be read', async () => {
    for (const [exitCode, stdout, said] of [
      [4, '', 'it has no database of dpkg'],
      [0, '', 'no installed package'],
      [0, 'no field\n', 'cannot be read'],
    ] as const) {
      const error = await refusal(installedPackages(answering(exitCode, stdout), 'armhf'), 'E_DEVICE_COMMAND');
      expect(error.message).to.contain('bench-1').and.to.contain(said);
    }
  });
});
