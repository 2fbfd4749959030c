import { expect } from 'chai';
import { configureFailure, configureTimeout } from '../../src/image/configure-failure.ts';

/** What dpkg 1.21 prints when a postinst fails. */
const postinst = `lockstep-script: base-files preinst
Setting up libc6:armhf (2.36-9) ...
Setting up panel-app (1.2) ...
cannot open the configuration: No such file or directory
dpkg: error processing package panel-app (--configure):
 installed panel-app package post-installation script subprocess returned error exit status 1
Setting up zlib1g:armhf (1:1.2.13) ...
Errors were encountered while processing:
 panel-app`.split('\n');

describe('a configuration that failed', () => {
  it('names the package, its script and the script’s last lines, and no other package’s', () => {
    const error = configureFailure(postinst);
    expect(error.code).to.equal('E_CONFIGURE');
    expect(error.message).to.match(/^the postinst of panel-app failed:/);
    expect(error.message).to.contain('cannot open the configuration').and.to.not.contain('zlib1g');
  });

  it('names the package whose preinst failed, before dpkg came to its turn', () => {
    const output = ['lockstep-script: base-files preinst', 'lockstep-script: dash preinst', 'dash: no, thanks'];
    const error = configureFailure(output);
    expect(error.message)
      .to.match(/^the preinst of dash failed:/)
      .and.to.contain('no, thanks');
  });

  it('names the package that dpkg could not configure for want of another', () => {
    const output = [
      'dpkg: dependency problems prevent configuration of panel-app:',
      ' panel-app depends on missing; however:',
      '  Package missing is not installed.',
      'dpkg: error processing package panel-app (--configure):',
      ' dependency problems - leaving unconfigured',
    ];
    expect(configureFailure(output).message).to.contain('panel-app').and.to.contain('Package missing is not installed');
  });

  it('is a full disk when that was the reason', () => {
    const output = [...postinst, 'cp: error writing /usr/lib/x: No space left on device'];
    expect(configureFailure(output).code).to.equal('E_DISK_FULL');
  });

  it('is missing emulation when no program could be started', () => {
    const output = ['lockstep-script: base-passwd preinst', 'chroot: failed to run command: Exec format error'];
    const error = configureFailure(output);
    expect(error.code).to.equal('E_BINFMT');
    expect(error.hint).to.contain('lockstep doctor');
  });
});

describe('a configuration that takes too long', () => {
  it('names the package whose postinst is at work, and its last lines', () => {
    const output = ['Setting up libc6:armhf (2.36-9) ...', 'Setting up panel-app (1.2) ...', 'waiting for the network'];
    const error = configureTimeout(output, 90_000);
    expect(error.code).to.equal('E_CONFIGURE');
    expect(error.message).to.match(
      /^the postinst of panel-app did not end, and configuring had 90 s:\nSetting up panel/,
    );
    expect(error.message).to.contain('waiting for the network').and.to.not.contain('libc6');
    expect(error.hint).to.contain('--script-timeout');
  });

  it('names the package whose preinst is at work', () => {
    const output = ['Setting up libc6:armhf (2.36-9) ...', 'lockstep-script: dash preinst', 'dash: wait'];
    expect(configureTimeout(output, 1000).message).to.match(/^the preinst of dash did not end/);
  });
});
