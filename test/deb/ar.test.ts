import { expect } from 'chai';
import { ArError, readAr } from '../../src/deb/ar.ts';
import { collect, errorOf, inChunks, type MadeDeb, makeDeb } from './debs.ts';

interface Read {
  name: string;
  size: number;
  body: Buffer;
}

async function readAll(bytes: Buffer, chunkLength?: number): Promise<Read[]> {
  const members: Read[] = [];
  for await (const { name, size, body } of readAr(inChunks(bytes, chunkLength)))
    members.push({ name, size, body: await collect(body) });
  return members;
}

function archive(...members: [name: string, body: string][]): Buffer {
  const parts = members.map(([name, body]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    return `${header}${String(body.length).padEnd(10)}\`\n${body}${body.length % 2 === 1 ? '\n' : ''}`;
  });
  return Buffer.from(`!<arch>\n${parts.join('')}`, 'latin1');
}

describe('readAr', () => {
  let deb: MadeDeb;

  before(async () => {
    deb = await makeDeb({ files: { 'usr/share/x': 'x' } });
  });

  it('finds the three members of a deb that dpkg-deb made', async () => {
    const members = await readAll(deb.bytes);
    expect(members.map(({ name }) => name)).to.deep.equal(['debian-binary', 'control.tar.xz', 'data.tar.xz']);
    expect(members[0]?.body.toString()).to.equal('2.0\n');
  });

  for (const length of [1, 7, 59, 61, 1_000_000]) {
    it(`reads the same from chunks of ${length} bytes`, async () => {
      expect(await readAll(deb.bytes, length)).to.deep.equal(await readAll(deb.bytes));
    });
  }

  it('skips what the caller leaves of a body', async () => {
    const names: string[] = [];
    for await (const member of readAr(inChunks(deb.bytes, 5))) names.push(member.name);
    expect(names).to.deep.equal(['debian-binary', 'control.tar.xz', 'data.tar.xz']);
  });

  it('takes the slash of System V from a name, and does without the padding of the last member', async () => {
    const members = await readAll(archive(['one/', 'abc'], ['two', 'x']).subarray(0, -1));
    expect(members.map(({ name, body }) => `${name}=${body}`)).to.deep.equal(['one=abc', 'two=x']);
  });

  it('reports a truncation at any byte', async () => {
    const whole = archive(['one', 'abcd'], ['two', 'ef']);
    const ends = [8, 72, whole.length];
    for (let length = 0; length < whole.length; length += 1) {
      if (ends.includes(length)) continue;
      expect(await errorOf(readAll(whole.subarray(0, length))), `cut to ${length}`).to.be.instanceOf(ArError);
    }
  });

  it('says how much of which member is missing', async () => {
    const error = await errorOf(readAll(archive(['one', 'abcd']).subarray(0, -3)));
    expect(error.message).to.equal('it ends 3 bytes before the end of one');
  });

  it('refuses what is not an archive', async () => {
    const page = Buffer.from('<!DOCTYPE html><html><body>Please log in</body></html>');
    expect((await errorOf(readAll(page))).message).to.equal('it is not an ar archive');
    expect((await errorOf(readAll(Buffer.alloc(0)))).message).to.equal('it is empty');
  });

  it('refuses junk between members, and sizes that are no numbers', async () => {
    const junk = Buffer.concat([archive(['one', 'abcd']), Buffer.alloc(60, 'z')]);
    expect((await errorOf(readAll(junk))).message).to.equal("there is junk instead of a member's header at byte 72");
    const negative = archive(['one', 'abcd']);
    negative.write('-4        ', 8 + 48);
    expect((await errorOf(readAll(negative))).message).to.contain('junk');
  });

  it('asks its source for no more than it is asked for', async () => {
    let handedOut = 0;
    async function* source() {
      for await (const chunk of inChunks(archive(['one', 'x'.repeat(10_000)], ['two', 'y'.repeat(10_000)]), 100)) {
        handedOut += chunk.length;
        yield chunk;
      }
    }
    const members = readAr(source());
    await members.next();
    expect(handedOut).to.be.at.most(200);
    await members.return();
  });

  it('ends its source when it is left early', async () => {
    let ended = false;
    async function* source() {
      try {
        yield* inChunks(deb.bytes, 10);
      } finally {
        ended = true;
      }
    }
    for await (const _member of readAr(source())) break;
    expect(ended).to.equal(true);
  });
});
