import { expect } from 'chai';
import { sourcesOf } from '../../src/toolbox/docker/host-sources.ts';

describe('this machine’s sources for the builder image', () => {
  it('are the release with its updates and its security suite', () => {
    const indexTargets = [
      'http://mirror.example/debian/ trixie main',
      'http://mirror.example/debian/ trixie contrib',
      'http://mirror.example/debian/ trixie-updates main',
      'http://mirror.example/debian/ trixie-backports main',
      'http://mirror.example/debian-security/ trixie-security main',
      '',
    ].join('\n');
    expect(sourcesOf(indexTargets)).to.deep.equal({
      suite: 'trixie',
      lines: [
        'deb http://mirror.example/debian/ trixie main',
        'deb http://mirror.example/debian/ trixie-updates main',
        'deb http://mirror.example/debian-security/ trixie-security main',
      ],
    });
  });

  it('name each suite once, however many architectures apt lists', () => {
    const line = 'http://mirror.example/debian/ bookworm main';
    const updates = 'http://mirror.example/debian/ bookworm-updates main';
    expect(sourcesOf(`${line}\n${line}\n${updates}\n${updates}\n`)?.lines).to.have.length(2);
  });

  it('are none where apt has fetched no index of Debian', () => {
    expect(sourcesOf('')).to.equal(null);
  });
});
