import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';

const vars = path.resolve(import.meta.dirname, '../vars');
/** What the steps are made of. */
const inner = ['lockstepAgent', 'lockstepParameters'];
const steps = readdirSync(vars)
  .filter((name) => name.endsWith('.groovy'))
  .map((name) => path.basename(name, '.groovy'))
  .filter((name) => !inner.includes(name));

describe('the steps of the shared library', () => {
  it('are those that are promised', () => {
    const promised = [
      'lockstep',
      'lockstepBuild',
      'lockstepDeploy',
      'lockstepGc',
      'lockstepRefresh',
      'lockstepTest',
      'lockstepUpdate',
    ];
    expect(steps.sort()).to.deep.equal(promised);
  });

  for (const step of steps) {
    const source = readFileSync(path.join(vars, `${step}.groovy`), 'utf8');
    const documented = [...source.matchAll(/^ \* {3}(\w+) {2,}\S/gm)].map(([, name]) => name);

    it(`${step} documents the parameters that it takes, no more and no fewer`, () => {
      const own = [...source.matchAll(/(?:flags|own): \[([^\]]*)\]/g)].flatMap(([, list]) => list?.match(/\w+/g) ?? []);
      const without: string[] = /without: \[([^\]]*)\]/.exec(source)?.[1]?.match(/\w+/g) ?? [];
      const common = ['dir', 'image', 'lock', 'node', 'toolbox'].filter((name) => !without.includes(name));
      expect([...documented].sort()).to.deep.equal([...common, ...own].sort());
    });

    it(`${step} has a help page that tells of each parameter`, () => {
      const help = readFileSync(path.join(vars, `${step}.txt`), 'utf8');
      const told = [...help.matchAll(/<dt><code>(\w+)<\/code>/g)].map(([, name]) => name);
      expect(told).to.deep.equal(documented);
    });
  }

  it('all have a help page', () => {
    for (const name of readdirSync(vars)) {
      expect(existsSync(path.join(vars, name.replace(/\.groovy$/, '.txt'))), name).to.equal(true);
    }
  });
});
