import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { Link } from '../../../src/device/virtual/link.ts';

describe('a link to a device', () => {
  let device: Server;
  let received: Buffer[];
  let ends: Socket[];
  let link: Link;

  beforeEach(async () => {
    [received, ends] = [[], []];
    device = createServer((socket) => {
      ends.push(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        received.push(chunk);
        socket.write(chunk);
      });
    });
    await new Promise<void>((resolve) => device.listen(0, '127.0.0.1', resolve));
    const address = device.address();
    link = await Link.open(() => (typeof address === 'object' && address !== null ? address.port : 0));
  });

  afterEach(async () => {
    await link.close();
    for (const end of ends) end.destroy();
    device.close();
  });

  async function dialled(): Promise<Socket> {
    const socket = connect(link.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** Unlike `once`, takes an error for no more than what comes before the end. */
  function closing(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  const arrived = () => Buffer.concat(received).length;

  it('carries both ways and counts what goes towards the device', async () => {
    const socket = await dialled();
    socket.write('to and fro');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).to.equal('to and fro');
    expect(link.sent).to.equal(10);
    socket.destroy();
  });

  it('breaks at the byte that it is told, and tells both ends', async () => {
    const broken = link.breakAfter(70_000, 'reset');
    const socket = await dialled();
    const closed = closing(socket);
    socket.write(Buffer.alloc(200_000));
    await Promise.all([broken, closed]);
    expect(link.sent).to.equal(70_000);
    expect(arrived()).to.be.at.most(70_000);
  });

  it('lets nobody in while it is broken, and does once it is mended', async () => {
    link.break('reset');
    const refused = connect(link.port, '127.0.0.1');
    await closing(refused);
    link.mend();
    const socket = await dialled();
    socket.write('again');
    expect(String((await once(socket, 'data'))[0])).to.equal('again');
    socket.destroy();
  });

  it('falls silent without a word to either end', async () => {
    const socket = await dialled();
    socket.write('before');
    await once(socket, 'data');
    let word = false;
    for (const event of ['data', 'end', 'close']) socket.on(event, () => (word = true));
    for (const event of ['end', 'close']) ends[0]?.on(event, () => (word = true));
    link.break('silent');
    socket.write('after');
    const late = connect(link.port, '127.0.0.1');
    await once(late, 'connect');
    late.write('later');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(word).to.equal(false);
    expect(String(Buffer.concat(received))).to.equal('before');
    socket.destroy();
    late.destroy();
  });

  it('changes the one bit that it is told to', async () => {
    link.garbleAfter(3);
    const socket = await dialled();
    socket.write('aaaaaa');
    expect(String((await once(socket, 'data'))[0])).to.equal('aaa`aa');
    socket.destroy();
  });

  it('is as slow as it is told', async () => {
    link.quality = { bytesPerSecond: 100_000, latencyMs: 50 };
    const socket = await dialled();
    const start = performance.now();
    socket.write(Buffer.alloc(20_000));
    let back = 0;
    while (back < 20_000) back += ((await once(socket, 'data'))[0] as Buffer).length;
    // 200 ms and 50 ms there, the same back, of which the pieces overlap.
    expect(performance.now() - start).to.be.within(280, 2_000);
    socket.destroy();
  });
});
