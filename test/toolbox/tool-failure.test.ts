import { expect } from 'chai';
import { engineError } from '../../src/toolbox/docker/engine.ts';
import { LineCutter, Tail, timedOut, toolFailure } from '../../src/toolbox/tool-failure.ts';

describe('the error of a failed command', () => {
  it('names the program, its exit code and its last lines', () => {
    const stderr = `${Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n')}\n`;
    const { code, message } = toolFailure({ argv: ['ostree', 'commit'], exitCode: 1, stderr });
    expect(code).to.equal('E_TOOL_FAILED');
    expect(message)
      .to.match(/^ostree ended with exit code 1:\nline 12\n/)
      .and.to.match(/line 19$/);
  });

  it('tells a full disk from any other failure', () => {
    const stderr = 'error: Writing content object: write: No space left on device';
    expect(toolFailure({ argv: ['ostree'], exitCode: 1, stderr }).code).to.equal('E_DISK_FULL');
  });

  it('says which signal ended a command', () => {
    expect(toolFailure({ argv: ['sleep'], exitCode: 137, stderr: '' }).message).to.equal(
      'sleep was killed by signal 9',
    );
  });

  it('hides passwords in what a command printed', () => {
    const stderr = 'Err: http://user:geheim@mirror.example/debian';
    expect(toolFailure({ argv: ['apt-get'], exitCode: 100, stderr }).message).not.to.contain('geheim');
  });

  it('names the bound of a command that took too long', () => {
    expect(timedOut(['mkfs.ext4'], 60_000).message).to.equal('mkfs.ext4 did not end within 60 s');
  });
});

describe('the error of the Docker engine', () => {
  it('tells what was being done and what the engine said', () => {
    const { code, message } = engineError('starting the builder container', new Error('no such runtime'));
    expect(code).to.equal('E_TOOLBOX_ENGINE');
    expect(message).to.equal('the Docker engine failed while starting the builder container: no such runtime');
  });

  it('tells a full disk of the engine', () => {
    const thrown = new Error('write /var/lib/docker/tmp/x: no space left on device');
    expect(engineError('importing', thrown).code).to.equal('E_DISK_FULL');
  });

  it('leaves an error that is lockstep’s own as it is', () => {
    const own = timedOut(['true'], 1000);
    expect(engineError('anything', own)).to.equal(own);
  });
});

describe('the output of a command', () => {
  it('is cut into lines wherever the chunks are cut', () => {
    const lines: string[] = [];
    const cutter = new LineCutter((line) => lines.push(line));
    for (const chunk of ['a', 'b\nc', '\n', '\nd']) cutter.push(chunk);
    cutter.end();
    expect(lines).to.deep.equal(['ab', 'c', '', 'd']);
  });

  it('keeps its end only', () => {
    const tail = new Tail();
    for (let i = 0; i < 1000; i++) tail.append(`line ${i}\n`);
    expect(tail.toString())
      .to.have.length.below(5000)
      .and.to.match(/line 999\n$/);
  });
});
