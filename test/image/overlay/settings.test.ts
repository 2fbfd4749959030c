import { expect } from 'chai';
import { execa } from 'execa';
import { formatKargs, parseKargs } from '../../../src/image/kargs.ts';
import { settingsLayers, settingsScripts } from '../../../src/image/overlay/settings.ts';
import type { Toolbox } from '../../../src/toolbox/toolbox.ts';
import { imageConfig, locked } from '../../apt/samples.ts';
import { complaint } from '../../refusal.ts';

const toolbox = {} as Toolbox;

describe('settings of an image', () => {
  it('make no layer when there are none', () => {
    expect(settingsLayers(toolbox, imageConfig())).to.deep.equal([]);
    expect(settingsScripts(imageConfig(), [])).to.deep.equal([]);
  });

  it('have another digest when one changes', () => {
    const images = [
      imageConfig({ hostname: 'a' }),
      imageConfig({ hostname: 'b' }),
      imageConfig({ timezone: 'Etc/UTC' }),
      imageConfig({ timezone: 'Europe/Berlin' }),
      imageConfig({ locale: 'C.UTF-8' }),
      imageConfig({ kargs: ['quiet'] }),
      imageConfig({ kargs: ['quiet', 'splash'] }),
    ];
    expect(new Set(images.map((image) => settingsLayers(toolbox, image)[0]?.digest)).size).to.equal(images.length);
  });

  it('need packages for a time zone and for most locales', () => {
    const zone = complaint(() => settingsScripts(imageConfig({ timezone: 'Etc/UTC' }), [locked('dash')]));
    expect(zone.code).to.equal('E_SETTING');
    expect(zone.message).to.equal('image panel: timezone: Etc/UTC needs the package tzdata');
    const locale = complaint(() => settingsScripts(imageConfig({ locale: 'de_DE.UTF-8' }), [locked('tzdata')]));
    expect(locale.message).to.contain('needs the package locales');
    expect(settingsScripts(imageConfig({ locale: 'C.UTF-8' }), [])).to.deep.equal([]);
    expect(settingsScripts(imageConfig({ locale: 'de_DE.UTF-8' }), [locked('locales-all')])).to.deep.equal([]);
  });

  it('make the locale by a script that a shell can read', async () => {
    const [script] = settingsScripts(imageConfig({ locale: 'ca_ES.UTF-8@valencia' }), [locked('locales')]);
    await execa('sh', ['-n'], { input: script?.content });
    expect(script?.content.toString()).to.contain('locale=ca_ES.UTF-8@valencia');
  });
});

describe('kernel arguments in an image', () => {
  it('are read as they were written', () => {
    const kargs = ['quiet', 'console=ttyAMA0,115200', 'a.b=ü'];
    expect(parseKargs(formatKargs(kargs))).to.deep.equal(kargs);
    expect(parseKargs(null)).to.deep.equal([]);
  });

  it('are refused when they were written otherwise', () => {
    expect(complaint(() => parseKargs('kargs = quiet')).message).to.contain('10-lockstep.toml');
  });
});
