import { expect } from 'chai';
import { chooseTwins, type Offered, toolPackages } from '../../src/emulation/twins.ts';
import { locked } from '../apt/samples.ts';

const same = { 'Multi-Arch': 'same' };

const libc = locked('libc6', '2.36-9', same);
const pcre = locked('libpcre2-8-0', '10.42-1', { ...same, Depends: 'libc6 (>= 2.34)' });
const grep = locked('grep', '3.8-5', { 'Pre-Depends': 'libpcre2-8-0 (>= 10.32), libc6 (>= 2.34)', Depends: 'ucf' });
const dash = locked('dash', '0.5.12-2', { 'Pre-Depends': 'libc6 (>= 2.34)' });
const ucf = locked('ucf', '3.0043', { Depends: 'tar' });

const needsOf = (packages: Parameters<typeof toolPackages>[0]) =>
  Object.fromEntries(toolPackages(packages).map(({ name, needs }) => [name, needs.map((one) => one.package)]));

const offer = (...names: string[]): Offered[] =>
  names.map((name) => {
    const [pkg = '', version = ''] = name.split('=');
    return { package: pkg, version };
  });

describe('the tools of an image', () => {
  it('are hot packages with their libraries, those of libraries included, and no other packages', () => {
    expect(needsOf([libc, pcre, grep, ucf])).to.deep.equal({ grep: ['grep', 'libpcre2-8-0', 'libc6'] });
  });

  it('are packages with programs for an architecture', () => {
    expect(needsOf([locked('debianutils', '5.7', { Architecture: 'all' }), libc])).to.deep.equal({});
  });

  it('find libraries by the names that these provide, and by any of several alternatives', () => {
    const ssl = locked('libssl3t64', '3.5', { ...same, Provides: 'libssl3 (= 3.5)' });
    const zlib = locked('zlib1g', '1.3', same);
    const openssl = locked('openssl', '3.5', { Depends: 'libssl3 (>= 3), zlib-ng | zlib1g:any (>= 1.2)' });
    expect(needsOf([openssl, ssl, zlib])).to.deep.equal({ openssl: ['openssl', 'libssl3t64', 'zlib1g'] });
  });

  it('bring perl only with every compiled module of the image, which it could not load otherwise', () => {
    const perl = locked('perl-base', '5.36.0-7', { 'Pre-Depends': 'libc6' });
    const module = locked('libtext-xs-perl', '1-1', { Depends: 'perl-base (>= 5.36), perlapi-5.36.0, libpcre2-8-0' });
    const pure = locked('libtext-perl', '1-1', { Architecture: 'all', Depends: 'perl:any' });
    const full = locked('libperl5.36', '5.36.0-7', same);
    expect(needsOf([libc, pcre, perl, module, pure, full])['perl-base']).to.have.members([
      ...['perl-base', 'libtext-xs-perl', 'libperl5.36', 'libc6', 'libpcre2-8-0'],
    ]);
  });
});

describe('the choice of native twins', () => {
  const tools = toolPackages([libc, pcre, grep, dash]);
  const libraries = ['libc6=2.36-9', 'libpcre2-8-0=10.42-1'];

  it('takes the very version that the image has, whatever else the archive offers', () => {
    const offered = offer(...libraries, 'grep=3.8-6', 'grep=3.8-5', 'dash=0.5.12-2', 'dash=0.5.12-2+b1');
    expect(chooseTwins(tools, offered)).to.deep.equal({
      twins: ['dash=0.5.12-2', 'grep=3.8-5', ...libraries],
      tools: ['grep', 'dash'],
      emulated: [],
    });
  });

  it('takes another revision of the same upstream version where the archive has moved on', () => {
    const offered = offer('libc6=2.36-9+deb12u13', 'libpcre2-8-0=10.42-1', 'grep=3.8-5', 'dash=0.5.12-2+b1');
    const { twins, tools: chosen } = chooseTwins(tools, offered);
    expect(twins).to.include.members(['libc6=2.36-9+deb12u13', 'dash=0.5.12-2+b1']);
    expect(chosen).to.have.members(['grep', 'dash']);
  });

  it('takes epochs for no part of an upstream version', () => {
    const login = toolPackages([locked('login', '1:4.13+dfsg1-1')]);
    expect(chooseTwins(login, offer('login=1:4.13+dfsg1-1+deb12u1')).twins).to.deep.equal([
      'login=1:4.13+dfsg1-1+deb12u1',
    ]);
  });

  it('leaves a tool emulated when only another upstream version is offered, and says what it wants', () => {
    const offered = offer(...libraries, 'grep=3.11-4', 'dash=0.5.12-2');
    expect(chooseTwins(tools, offered)).to.deep.equal({
      twins: ['dash=0.5.12-2', 'libc6=2.36-9'],
      tools: ['dash'],
      emulated: [{ name: 'grep', wants: 'grep 3.8-5' }],
    });
  });

  it('leaves a tool emulated for want of one of its libraries, and the others as they are', () => {
    const { tools: chosen, emulated } = chooseTwins(tools, offer('libc6=2.36-9', 'grep=3.8-5', 'dash=0.5.12-2'));
    expect(chosen).to.deep.equal(['dash']);
    expect(emulated).to.deep.equal([{ name: 'grep', wants: 'libpcre2-8-0 10.42-1' }]);
  });

  it('comes to nothing when the archive offers nothing', () => {
    const { twins, tools: chosen } = chooseTwins(tools, []);
    expect([...twins, ...chosen]).to.deep.equal([]);
  });
});
