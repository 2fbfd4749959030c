import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import { LockstepError } from '../../src/errors/index.ts';

const image = 'images: {panel: {arch: armhf, suites: [bookworm], packages: [dash], archives: [URLS]}}\n';
const parse = (text: string, archives = '') =>
  parseConfig('/project/lockstep.yml', image.replace('URLS', archives) + text);
const problemOf = (text: string, archives?: string) => {
  try {
    parse(text, archives);
  } catch (error) {
    return error instanceof LockstepError ? `${error.code} ${error.message}` : String(error);
  }
  return 'no problem';
};

describe('`cache:`', () => {
  it('is none unless it is there', () => {
    expect(parse('').cache).to.equal(null);
  });

  it('is a URL that is read, or a path beside lockstep.yml or elsewhere that may be written', () => {
    expect(parse('cache: {remote: "https://user:word@x.example/repo/"}').cache).to.deep.equal({
      remote: 'https://user:word@x.example/repo',
      push: false,
    });
    expect(parse('cache: {remote: ../shared, push: true}').cache).to.deep.equal({ remote: '/shared', push: true });
    expect(parse('cache: {remote: /srv/cache}').cache).to.deep.equal({ remote: '/srv/cache', push: false });
  });

  it('cannot be pushed to by http, has no other keys and no other protocols', () => {
    expect(problemOf('cache: {remote: "http://x/repo", push: true}')).to.contain('only a path can be pushed to');
    expect(problemOf('cache: {remote: "ssh://x/repo"}')).to.match(/lockstep.yml:2.*cache.remote/);
    expect(problemOf('cache: {remote: "http://me:a%2Fb@x.example/repo"}')).to.contain(
      'none that has to be written with %',
    );
    expect(problemOf('cache: {remote: "http://me:a%2Fb@x.example/repo"}')).not.to.contain('a%2Fb');
    expect(problemOf('cache: {remot: /srv}')).to.match(/remot/);
  });
});

describe('`archives:` of an image', () => {
  it('are base URLs without a slash at the end, and absolute paths', () => {
    const { archives } = parse('', '"https://x.example/debian/", /srv/debs/, "file:///srv/more"').images[0]!;
    expect(archives).to.deep.equal(['https://x.example/debian', '/srv/debs', 'file:///srv/more']);
  });

  it('are nothing else', () => {
    for (const wrong of ['ftp://x.example', 'debs', '"http://x y"']) {
      expect(problemOf('', wrong)).to.match(/^E_CONFIG_VALUE .*archives/);
    }
  });
});
