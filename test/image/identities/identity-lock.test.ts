import { expect } from 'chai';
import { assignIds, formatIdentities, parseIdentities } from '../../../src/image/identities/identity-lock.ts';
import { complaint } from '../../refusal.ts';

const identities = (...words: string[]) =>
  words.map((word) => {
    const [name = '', id] = word.split('=');
    return { name, id: Number(id), line: `${name}:x:${id}:` };
  });
const assign = (lock: string[], image: string[]) => {
  const { map, lock: after, added } = assignIds(identities(...lock), identities(...image), 'panel.group');
  return { map: Object.fromEntries(map), lock: after.map(({ name, id }) => `${name}=${id}`), added };
};

describe('the lock of users or groups', () => {
  it('is made of what the image has when there is none', () => {
    const image = ['root=0', 'messagebus=100', 'sshd=101', 'nogroup=65534'];
    expect(assign([], image)).to.deep.equal({ map: {}, lock: image, added: image.map((word) => word.split('=')[0]) });
  });

  it('changes nothing when the image has the same numbers', () => {
    const image = ['root=0', 'sshd=101', 'messagebus=100'];
    expect(assign(['root=0', 'messagebus=100', 'sshd=101'], image)).to.deep.include({ map: {}, added: [] });
  });

  it('moves what the order of scripts gave other numbers, even round in a circle', () => {
    const { map, lock, added } = assign(['a=100', 'b=101', 'c=102'], ['a=102', 'b=100', 'c=101']);
    expect(map).to.deep.equal({ 102: 100, 100: 101, 101: 102 });
    expect({ lock, added }).to.deep.equal({ lock: ['a=100', 'b=101', 'c=102'], added: [] });
  });

  it('keeps the number of what is gone, and gives it to nobody else', () => {
    expect(assign(['root=0', 'gone=100'], ['root=0', 'new=100'])).to.deep.equal({
      map: { 100: 101 },
      lock: ['root=0', 'gone=100', 'new=101'],
      added: ['new'],
    });
    expect(assign(['root=0', 'gone=100', 'new=101'], ['root=0', 'gone=100', 'new=101']).map).to.deep.equal({});
  });

  it('gives a new name the nearest free number of its kind', () => {
    expect(assign(['a=999', 'b=998'], ['a=998', 'b=999', 'c=997', 'd=996']).map).to.deep.equal({ 998: 999, 999: 998 });
    expect(assign(['a=999', 'b=998'], ['c=999']).lock).to.include('c=997');
    expect(assign(['old=1000'], ['new=1000']).lock).to.include('new=1001');
    expect(assign(['old=999'], ['new=999', 'other=998']).lock).to.include.members(['new=998', 'other=997']);
  });

  it('leaves numbers alone that are the same on every Debian', () => {
    expect(assign(['x=33'], ['www-data=33']).lock).to.include('www-data=33');
  });

  it('does not part names that share a number', () => {
    expect(assign(['root=0'], ['root=0', 'toor=0']).lock).to.deep.equal(['root=0', 'toor=0']);
    const error = complaint(() => assign(['a=100', 'b=101'], ['a=200', 'b=200']));
    expect(error.code).to.equal('E_LOCK_SYNTAX');
    expect(error.message).to.contain('panel.group: a and b share the number 200');
  });

  it('is read with its lines, and written with the numbers assigned', () => {
    const passwd = 'root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n';
    const read = parseIdentities(passwd, 'panel.passwd');
    expect(read.map(({ name, id }) => [name, id])).to.deep.equal([
      ['root', 0],
      ['sshd', 100],
    ]);
    expect(formatIdentities(read)).to.equal(passwd);
    const moved = read.map((entry) => ({ ...entry, id: entry.id + 5 }));
    expect(formatIdentities(moved, new Map([[65534, 7]]))).to.contain('sshd:x:105:7::/run/sshd');
    expect(formatIdentities(parseIdentities('adm:x:4:joe,jim\n', 'panel.group'))).to.equal('adm:x:4:\n');
  });

  it('is refused with the line that cannot be read', () => {
    const error = complaint(() => parseIdentities('root:x:0:\n\nsshd:x:one:\n', 'panel.group'));
    expect(error.code).to.equal('E_LOCK_SYNTAX');
    expect(error.message).to.contain('panel.group:3');
    expect(complaint(() => parseIdentities('a:x:1:\na:x:2:\n', 'panel.group')).message).to.contain(
      ':2: a is there twice',
    );
  });

  it('passes over lines about names from elsewhere', () => {
    expect(parseIdentities('+::::::\n-joe\n', 'passwd')).to.deep.equal([]);
  });
});
