import { expect } from 'chai';
import { findingsOf } from '../../../src/device/check/findings.ts';
import { readSurvey, type Survey } from '../../../src/device/check/survey.ts';
import { type DeviceState, readAnswers } from '../../../src/device/observe.ts';
import { idleSector, markerSector } from '../../../src/image/trial/counter-sectors.ts';

const digest = 'a'.repeat(64);
const commit = 'b'.repeat(64);

/** What the device of these tests says, with some answers exchanged. */
function said(answers: Record<string, string> = {}): Survey {
  const sections = {
    ostreeVersion: '2022.7',
    bootFiles: '/boot/loader/uEnv.txt',
    bootloader: 'uboot',
    bootScript: `lockstep boot\n${digest}  -`,
    imageBootScript: `${digest}  -`,
    counterSectors: Buffer.concat([idleSector(), markerSector()]).toString('base64'),
    free: '/dev/vda2 4000000 1000000 2900000 26% /\n/dev/vda2 4000000 1000000 2900000 26% /',
    kernelSize: '40000',
    remote: '',
    watchdog: 'yes',
    trialUnit: 'enabled',
    systemState: 'running',
    clock: '1700000000',
    ...answers,
  };
  return readSurvey(
    Object.entries(sections)
      .map(([name, text]) => `\n@@ ${name}\n${text}\n`)
      .join(''),
  );
}

const runs = (cmdline = 'root=LABEL=root lockstep.counter=/dev/vda1'): DeviceState =>
  readAnswers(`\n@@ cmdline\n${cmdline}\n@@ machine\narmv7l\n@@ status\n* lockstep ${commit}.0\n`, 'bench-1');

function findings(answers: Record<string, string> = {}, cmdline?: string) {
  const all = findingsOf(runs(cmdline), said(answers), { arch: 'armhf', now: 1_700_000_000 });
  const of = (what: string) => {
    const found = all.find((finding) => finding.what === what);
    if (found === undefined) throw new Error(`there is no finding ${what}`);
    return found;
  };
  return { all, of };
}

describe('what a device lacks', () => {
  it('is nothing when it has all', () => {
    const { all } = findings();
    expect(all.filter(({ state }) => state !== 'has')).to.deep.equal([]);
    expect(all.map(({ what }) => what)).to.include.members(['ostree', 'boot loader', 'boot script', 'boot counter']);
  });

  it('is a later ostree, told by its number', () => {
    expect(findings({ ostreeVersion: '2018.8' }).of('ostree version').state).to.equal('lacks');
    expect(findings({ ostreeVersion: '2018.10' }).of('ostree version').state).to.equal('has');
    expect(findings({ ostreeVersion: '' }).of('ostree version').state).to.equal('lacks');
  });

  it('is the processor that its image is for', () => {
    const amd64 = findingsOf(runs(), said(), { arch: 'amd64', now: 1_700_000_000 });
    const found = amd64.find(({ what }) => what === 'architecture');
    expect(found).to.include({ state: 'lacks' });
    expect(found?.detail).to.include('armv7l').and.include('amd64');
  });

  it('may be that nothing reads what ostree writes', () => {
    const found = findings({ bootFiles: '', bootloader: '' });
    expect(found.of('boot loader')).to.include({ state: 'warns' });
    expect(found.of('boot loader').detail).to.include('uEnv.txt');
    expect(found.all.map(({ what }) => what)).not.to.include('boot script');
  });

  it('is a boot script of its image, which is replaced only where it is lockstep’s', () => {
    const older = findings({ bootScript: `lockstep boot\n${'c'.repeat(64)}  -` }).of('boot script');
    expect(older.state).to.equal('warns');
    expect(older.fix?.says).to.include('/boot/boot.scr.old');
    const foreign = findings({ bootScript: `Boot script\n${'c'.repeat(64)}  -` }).of('boot script');
    expect(foreign).to.include({ state: 'warns' }).and.not.have.property('fix');
    expect(foreign.detail).to.include('Boot script');
  });

  it('is a boot counter, which is marked only where nothing else lies', () => {
    expect(findings({}, 'root=LABEL=root').of('boot counter').detail).to.include('does not fall back');
    expect(findings({ counterSectors: '' }).of('boot counter').state).to.equal('lacks');
    const sectors = (...both: Buffer[]) => ({ counterSectors: Buffer.concat(both).toString('base64') });
    const empty = Buffer.alloc(512);
    const other = Buffer.alloc(512, 'x');
    for (const first of [empty, idleSector()]) {
      expect(findings(sectors(first, empty)).of('boot counter').fix?.says, 'a free one').to.include('/dev/vda1');
    }
    for (const both of [sectors(other, empty), sectors(empty, other)]) {
      expect(findings(both).of('boot counter')).to.include({ state: 'warns' }).and.not.have.property('fix');
    }
  });

  it('is space, for which it is cleaned up', () => {
    const free = (boot: string, sysroot: string) => ({
      free: `${boot} 0 0 30000 1% /boot\n${sysroot} 0 0 200000 1% /`,
    });
    const one = findings(free('/dev/vda2', '/dev/vda2'));
    expect(one.of('space in /sysroot').fix?.says).to.include('ostree admin cleanup');
    expect(one.all.map(({ what }) => what)).not.to.include('space in /boot');
    const two = findings(free('/dev/vda1', '/dev/vda2')).of('space in /boot');
    expect(two.state).to.equal('warns');
    expect(two.detail).to.include('29 MiB free').and.include('39 MiB');
  });

  it('is the remote that its image demands, with a key', () => {
    expect(findings({ remote: 'panel\nknown\n1' }).of('remote').detail).to.equal('panel takes what 1 key signed');
    expect(findings({ remote: 'panel\nknown\n0' }).of('remote').state).to.equal('lacks');
    const unknown = findings({ remote: 'panel\n0' }).of('remote');
    expect(unknown.state).to.equal('lacks');
    expect(unknown.fix?.says).to.include('/etc/ostree/remotes.d');
  });

  it('is told for trials, watchdog, systemd and clock', () => {
    const bare = findings({ trialUnit: '', watchdog: '', systemState: 'degraded', clock: '0' });
    for (const what of ['trial', 'watchdog', 'systemd', 'clock']) expect(bare.of(what).state, what).to.equal('warns');
    expect(bare.of('clock').detail).to.include('behind');
    expect(findings({ systemState: '' }).of('systemd').state).to.equal('lacks');
  });
});
