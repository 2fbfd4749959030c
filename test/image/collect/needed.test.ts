import { expect } from 'chai';
import { type Known, kindOf, type Needs, unneeded } from '../../../src/image/collect/needed.ts';
import type { DatedRef } from '../../../src/ostree/dated-refs.ts';

let written = 0;
const ref = (path: string, commit: string): DatedRef => {
  written += 1;
  return { path: `heads/${path}`, commit, written };
};

const needs = (more: Partial<Needs> = {}): Needs => ({
  debs: new Set(['d1']),
  stages: new Set(['lockstep/unpacked/u1', 'lockstep/configured/c1']),
  images: ['panel'],
  commits: 2,
  overlays: false,
  ...more,
});
const nothingKnown: Known = { imageOf: new Map(), observed: new Map() };

function gone(refs: DatedRef[], given: Partial<Needs> = {}, known: Known = nothingKnown): string[] {
  return unneeded(refs, needs(given), known).map(({ path }) => path.replace('heads/', ''));
}

describe('what a repository needs', () => {
  it('is the debs of the lockfiles, both of their refs', () => {
    const refs = ['dpkg/data/d1', 'dpkg/control/d1', 'dpkg/data/d2', 'dpkg/control/d2'].map((path) => ref(path, path));
    expect(gone(refs)).to.deep.equal(['dpkg/data/d2', 'dpkg/control/d2']);
  });

  it('is everything that lockstep did not make', () => {
    const refs = ['panel/armhf', 'gone/armhf', 'app/main', 'dpkg-like/x', 'lockstepped'].map((path) => ref(path, path));
    const remote: DatedRef = { path: 'remotes/origin/x', commit: 'x', written: 0 };
    expect(gone([...refs, remote])).to.deep.equal([]);
    expect(kindOf(remote)).to.equal('other');
  });

  it('is what the next build would take: stages of the plan, where builds stopped, overlays where there are any', () => {
    const paths = [
      'unpacked/u1',
      'unpacked/u0',
      'configured/c1',
      'image/panel/merge',
      'image/gone/merge',
      'overlay/o1',
    ];
    const refs = paths.map((path) => ref(`lockstep/${path}`, path));
    expect(gone(refs)).to.deep.equal(['lockstep/unpacked/u0', 'lockstep/image/gone/merge', 'lockstep/overlay/o1']);
    expect(gone(refs, { overlays: true })).not.to.include('lockstep/overlay/o1');
  });

  it('is the newest of what no plan can name', () => {
    const refs = ['renumbered/r1', 'renumbered/r2', 'initramfs/i1'].map((path) => ref(`lockstep/${path}`, path));
    expect(gone(refs)).to.deep.equal(['lockstep/renumbered/r1']);
  });

  it('is the last commits of each image, by the time they were made; two refs to one commit are one', () => {
    const of = (name: string, commit: string) => ref(`lockstep/deployable/${name}`, commit);
    const refs = [of('p1', 'one'), of('p2', 'two'), of('q1', 'other'), of('p3', 'three'), of('p4', 'three')];
    const imageOf = new Map(refs.map(({ path }) => [path, path.endsWith('q1') ? 'gone' : 'panel']));
    const known = { ...nothingKnown, imageOf };
    expect(gone(refs, {}, known)).to.deep.equal(['lockstep/deployable/p1', 'lockstep/deployable/q1']);
    expect(gone(refs, { commits: 9 }, known)).to.deep.equal(['lockstep/deployable/q1']);
  });

  it('is an observation only as long as both trees are there that it is about', () => {
    const refs = [
      ref('lockstep/configured/c1', 'configured'),
      ref('lockstep/unpacked/u1', 'unpacked'),
      ref('lockstep/unpacked/u0', 'before'),
      ...['k1', 'k2', 'k3'].map((key) => ref(`lockstep/observed-configure/${key}`, key)),
    ];
    const observed: Known['observed'] = new Map([
      ['heads/lockstep/observed-configure/k1', { tree: 'unpacked', result: 'configured' }],
      ['heads/lockstep/observed-configure/k2', { tree: 'before', result: 'configured' }],
      ['heads/lockstep/observed-configure/k3', null],
    ]);
    expect(gone(refs, {}, { ...nothingKnown, observed })).to.deep.equal([
      'lockstep/unpacked/u0',
      'lockstep/observed-configure/k2',
      'lockstep/observed-configure/k3',
    ]);
  });
});
