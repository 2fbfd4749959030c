import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { SaxesParser } from 'saxes';
import type { Deployment } from '../../src/testing/deployment.ts';
import { type DeviceReport, junitXml, writeJunit } from '../../src/testing/junit.ts';
import { notRun } from '../../src/testing/run.ts';

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** Reads XML with a parser that refuses whatever is not well-formed. */
function parse(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element: Element = { name, attributes: attributes as Record<string, string>, children: [], text: '' };
    open.at(-1)!.children.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    open.at(-1)!.text += text;
  });
  parser.on('closetag', () => void open.pop());
  parser.write(xml).close();
  return root.children[0]!;
}

const commit = '8f3a'.repeat(16);
const deployed: Deployment = {
  name: 'virt-1',
  verdict: 'deployed',
  reason: null,
  wanted: commit,
  commit,
  bytesSent: 1_200_000,
  ms: 98_400,
  steps: [
    { name: 'connect', ms: 400, ok: true, detail: 'runs 111111111111' },
    { name: 'pull', ms: 12_000, ok: true, detail: '300 objects' },
    { name: 'deploy', ms: 24_000, ok: true, detail: 'as stateroot lockstep' },
    { name: 'reboot', ms: 60_000, ok: true, detail: 'answers again' },
    { name: 'prove', ms: 2_000, ok: true, detail: `runs ${commit.slice(0, 12)}` },
  ],
};

const report = (more: Partial<DeviceReport> = {}): DeviceReport => ({
  device: 'virt-1',
  deployment: deployed,
  tests: [{ name: '10-uname', status: 'passed', ms: 1234, message: null, output: 'armv7l\n', points: [] }],
  properties: { commit, image: 'panel', arch: 'armhf', lockDigest: 'abc' },
  startedAt: new Date('2024-05-06T07:08:09.123Z'),
  ...more,
});

const suiteOf = (more: Partial<DeviceReport> = {}) => parse(junitXml(report(more))).children[0]!;
const casesOf = (suite: Element) => suite.children.filter(({ name }) => name === 'testcase');

/** name → how it ended, with its message. */
function endsOf(suite: Element): Record<string, string> {
  return Object.fromEntries(
    casesOf(suite).map(({ attributes, children }) => {
      const end = children.find(({ name }) => ['failure', 'error', 'skipped'].includes(name));
      return [attributes.name, end === undefined ? 'passed' : `${end.name}: ${end.attributes.message}`];
    }),
  );
}

describe('JUnit XML of a device', () => {
  it('has the device in suite and class names, since suites of one name are merged', () => {
    const suite = suiteOf();
    expect(suite.name).to.equal('testsuite');
    expect(suite.attributes).to.deep.equal({
      name: 'virt-1',
      tests: '4',
      failures: '0',
      errors: '0',
      skipped: '0',
      time: '99.634',
      timestamp: '2024-05-06T07:08:09Z',
      hostname: 'virt-1',
    });
    expect(casesOf(suite).map(({ attributes }) => `${attributes.classname} ${attributes.name}`)).to.deep.equal([
      'virt-1.deployment deploy',
      'virt-1.deployment reboot',
      'virt-1.deployment health',
      'virt-1.tests 10-uname',
    ]);
  });

  it('has its properties at the suite and nowhere else', () => {
    const suite = suiteOf();
    const properties = suite.children[0]!.children.map(({ attributes }) => [attributes.name, attributes.value]);
    expect(Object.fromEntries(properties)).to.deep.equal({ commit, image: 'panel', arch: 'armhf', lockDigest: 'abc' });
    expect(junitXml(report()).match(/<properties>/g)).to.have.length(1);
  });

  it('keeps the steps of the deployment and their times', () => {
    const [deploy] = casesOf(suiteOf());
    expect(deploy!.attributes.time).to.equal('36.400');
    expect(deploy!.children[0]!.text).to.include('ok  pull: 300 objects');
  });

  it('says of an unchanged device that it is unchanged, and that there was no reboot', () => {
    const suite = suiteOf({ deployment: { ...deployed, verdict: 'unchanged', steps: deployed.steps.slice(0, 1) } });
    expect(endsOf(suite)).to.include({
      deploy: 'passed',
      reboot: 'skipped: nothing was deployed',
      health: 'skipped: nothing was deployed',
    });
    expect(casesOf(suite)[0]!.children.at(-1)!.text).to.include('unchanged: it runs 8f3a8f3a8f3a already');
  });

  it('never loses a device that died before its first test', () => {
    const died = {
      ...deployed,
      verdict: 'never-returned',
      reason: 'no answer in 15 min',
      steps: deployed.steps.slice(0, 3),
    };
    const suite = suiteOf({ deployment: died, tests: [notRun('10-uname', 'not run: never-returned')] });
    expect(endsOf(suite)).to.deep.equal({
      deploy: 'passed',
      reboot: 'failure: never-returned: no answer in 15 min',
      health: 'skipped: not reached: never-returned',
      '10-uname': 'error: not run: never-returned',
    });
    expect(suite.attributes).to.include({ tests: '4', failures: '1', errors: '1', skipped: '1' });
  });

  for (const [verdict, phase] of [
    ['unreachable', 'deploy'],
    ['refused', 'deploy'],
    ['never-rebooted', 'reboot'],
    ['rolled-back', 'health'],
    ['wrong-commit', 'health'],
    ['unhealthy', 'health'],
  ] as const) {
    it(`shows the verdict ${verdict} as a failure of ${phase}, and of nothing else`, () => {
      const ends = endsOf(suiteOf({ deployment: { ...deployed, verdict, reason: 'why', steps: [] }, tests: [] }));
      const failed = Object.keys(ends).filter((name) => ends[name]!.startsWith('failure'));
      expect(failed).to.deep.equal([phase]);
      expect(ends[phase]).to.equal(`failure: ${verdict}: why`);
    });
  }

  it('survives control characters, ANSI, lone surrogates, markup and CDATA ends in names and output', () => {
    const nasty = '\x1b[31mred\x1b[0m \x00\x01\x08\x0b\uffff <b>&"\' ]]> \ud83d end 😀 \r\nnext\ttab';
    const suite = suiteOf({
      tests: [{ name: `a <b> "c" ${nasty}`, status: 'failed', ms: 1, message: nasty, output: nasty, points: [] }],
    });
    const failed = casesOf(suite).at(-1)!;
    const said = failed.children.find(({ name }) => name === 'system-out')!;
    expect(said.text).to.equal('red  <b>&"\' ]]> \ufffd end 😀 \nnext\ttab');
    expect(failed.attributes.name).to.include('a <b> "c" red');
    expect(failed.children[0]!.text).to.include('😀');
  });

  it('gives failures their message, the end of the output as text, and the whole as system-out', () => {
    const output = Array.from({ length: 100 }, (_, line) => `line ${line}`).join('\n');
    const suite = suiteOf({
      tests: [{ name: 't', status: 'failed', ms: 1, message: 'exit code 1', output, points: [] }],
    });
    const [failure, said] = casesOf(suite).at(-1)!.children;
    expect(failure!.attributes.message).to.equal('exit code 1');
    expect(failure!.text).to.include('line 99').and.not.include('line 79\n');
    expect(said!.text).to.equal(output);
  });

  it('makes cases of TAP points, named after the program', () => {
    const point = (name: string, status: 'passed' | 'failed') => ({ name, status, ms: 0, message: null, output: '' });
    const points = [point('1 a', 'passed'), point('2 b', 'failed')];
    const suite = suiteOf({ tests: [{ name: 'tap', status: 'failed', ms: 5, message: null, output: '', points }] });
    expect(endsOf(suite)).to.include({ 'tap / 1 a': 'passed', 'tap / 2 b': 'failure: ' });
    expect(suite.attributes.tests).to.equal('5');
  });

  it('is written whole, under the name of the device', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'lockstep-junit-'));
    try {
      expect(await writeJunit(path.join(directory, 'junit'), report())).to.equal(
        path.join(directory, 'junit', 'virt-1.xml'),
      );
      expect(await readdir(path.join(directory, 'junit'))).to.deep.equal(['virt-1.xml']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
