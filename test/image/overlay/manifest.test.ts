import { expect } from 'chai';
import { LockstepError } from '../../../src/errors/index.ts';
import { parseManifest } from '../../../src/image/overlay/manifest.ts';

const parse = (text: string) => parseManifest(text, 'overlay.mtree');

function complaint(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'E_OVERLAY') return error.message;
    throw error;
  }
  throw new Error('the manifest was accepted');
}

describe('a manifest', () => {
  it('is read as bsdtar writes it', () => {
    const text = [
      '#mtree',
      './etc/panel time=0.0 mode=755 gid=0 uid=0 type=dir',
      './etc/panel/key nlink=1 time=0.0 size=4 mode=600 gid=44 uid=33 uname=www-data gname=video type=file',
      './etc/panel/l\\303\\266cal\\040one time=0.0 mode=777 gid=0 uid=0 type=link link=key',
    ].join('\n');
    const entries = parse(text);
    expect([...entries.keys()]).to.deep.equal(['etc/panel', 'etc/panel/key', 'etc/panel/löcal one']);
    expect(entries.get('etc/panel/key')).to.deep.equal({
      type: 'file',
      mode: 0o600,
      uid: 33,
      gid: 44,
      user: 'www-data',
      group: 'video',
      place: 'overlay.mtree:3',
    });
  });

  it('is read as BSD’s mtree writes it, directory by directory', () => {
    const text = [
      '/set type=file uid=0 gid=0 mode=0644',
      '.               type=dir mode=0755',
      '    etc         type=dir mode=0755',
      '        hosts   uid=5 \\',
      '                gid=6',
      '    ..',
      '/unset gid',
      '    top',
      '..',
    ].join('\n');
    const entries = parse(text);
    expect([...entries.keys()]).to.deep.equal(['', 'etc', 'etc/hosts', 'top']);
    expect(entries.get('etc/hosts')).to.include({ uid: 5, gid: 6, mode: 0o644, place: 'overlay.mtree:4' });
    expect(entries.get('top')).to.include({ uid: 0, gid: null });
  });

  it('is refused with the line of a word that is no keyword', () => {
    expect(complaint('./etc/panel\n./etc/key owner=root\n')).to.contain('overlay.mtree:2: owner=root is no keyword');
  });

  it('is refused with the line of a value that is no number', () => {
    expect(complaint('./etc/key mode=0999')).to.contain('overlay.mtree:1: mode=0999');
    expect(complaint('./etc/key uid=-1')).to.contain('overlay.mtree:1: uid=-1');
  });

  it('is refused when a path leaves the overlay', () => {
    expect(complaint('./../etc/key uid=0')).to.contain('leaves the overlay');
  });

  it('is refused when a name is not encoded', () => {
    expect(complaint('./a\\xb uid=0')).to.contain('vis(3)');
  });
});
