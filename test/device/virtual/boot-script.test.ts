import { expect } from 'chai';
import { bootScript, scriptImage } from '../../../src/device/virtual/boot-script.ts';

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
    const script = bootScript();
    expect(script).to.match(/^[\x0a\x20-\x7e]*$/);
    expect(script.match(/\bif\b/g)?.length).to.equal(script.match(/\bfi\b/g)?.length);
  });

  it('counts up to the limit that it is given', () => {
    expect(bootScript(5)).to.include('test ${bootcount} -gt 5');
  });
});
