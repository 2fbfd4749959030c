import { expect } from 'chai';
import { createProgress } from '../../src/progress/choose.ts';
import { silent } from '../../src/progress/progress.ts';

function written(choice: { quiet?: boolean; isTTY?: boolean; env?: NodeJS.ProcessEnv }): string {
  let output = '';
  const stream = { write: (text: string) => (output += text), columns: 80 };
  const progress = createProgress({ quiet: false, isTTY: true, env: {}, ...choice, stream });
  progress.stage('first').advance({ count: 1 });
  progress.stage('second').done();
  return output;
}

describe('the choice of how progress is shown', () => {
  it('shows nothing with --quiet', () => {
    const stream = { write: () => expect.fail('wrote') };
    expect(createProgress({ quiet: true, stream, isTTY: true, env: {} })).to.equal(silent);
  });

  it('moves the cursor on a terminal only', () => {
    expect(written({ isTTY: true })).to.include('\x1b[1A');
    expect(written({ isTTY: false })).not.to.include('\x1b');
  });

  it('writes plain lines on a dumb terminal and under CI, even with a pseudo-terminal', () => {
    expect(written({ env: { TERM: 'dumb' } })).not.to.include('\x1b');
    expect(written({ env: { CI: 'true' } })).not.to.include('\x1b');
    expect(written({ env: { JENKINS_URL: 'http://ci.example/' } })).not.to.include('\x1b');
  });

  it('honours NO_COLOR, unless it is empty', () => {
    expect(written({ env: { NO_COLOR: '1' } })).not.to.match(/\x1b\[\d+m/);
    expect(written({ env: { NO_COLOR: '' } })).to.include('\x1b[32m');
  });
});
