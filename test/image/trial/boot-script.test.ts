import { expect } from 'chai';
import { bootScript } from '../../../src/image/trial/boot-script.ts';
import { armedSector, idleSector } from '../../../src/image/trial/counter-sectors.ts';
import { scriptImage } from '../../../src/image/trial/script-image.ts';

describe('scriptImage', () => {
  it('makes the bytes that mkimage makes', () => {
    // printf 'echo hello\n' > h; SOURCE_DATE_EPOCH=0 mkimage -A arm -T script -C none -n 'lockstep boot' -d h h.scr
    const made =
      '27051956fe0689d6000000000000001300000000000000003db55e6f050206006c6f636b7374657020626f6f74000000000000000000000000000000000000000000000b000000006563686f2068656c6c6f0a';
    expect(scriptImage('echo hello\n').toString('hex')).to.equal(made);
  });
});

describe('bootScript', () => {
  it('holds ASCII only and closes every if', () => {
    const script = bootScript().replace(/^\s*#.*$/gm, '');
    expect(bootScript()).to.match(/^[\x0a\x20-\x7e]*$/);
    expect(script.match(/\bif\b/g)?.length).to.equal(script.match(/\bfi\b/g)?.length);
  });
});

describe('the boot counter’s sectors', () => {
  it('are those that mkenvimage makes', () => {
    // printf 'upgrade_available=0\nbootcount=0\n' | mkenvimage -s 0x200 -p 0x00 -o - - | xxd -p
    const made = Buffer.from('c196e39b757067726164655f617661696c61626c653d3000626f6f74636f756e743d300000000000', 'hex');
    const sector = idleSector();
    expect(sector).to.have.length(512);
    expect(sector.subarray(0, made.length).toString('hex')).to.equal(made.toString('hex'));
    expect(sector.subarray(made.length).every((byte) => byte === 0)).to.equal(true);
  });

  it('say how many boots a trial has, and what comes after them', () => {
    const text = armedSector({ boots: 2, fallback: 3 }).subarray(4).toString('ascii');
    expect(text.split('\0')).to.include.members(['upgrade_available=1', 'bootcount=0', 'bootlimit=2', 'fallback=3']);
  });
});
