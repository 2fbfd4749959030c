import { Stanza } from '../../src/apt/deb822.ts';
import type { ControlFiles } from '../../src/image/unpack/control-files.ts';

/** A package's control files: `fields` are further lines of its control file. */
export function entry(name: string, fields = '', parts: Partial<Omit<ControlFiles, 'control'>> = {}): ControlFiles {
  const version = /^Version:/m.test(fields) ? '' : 'Version: 1\n';
  const architecture = /^Architecture:/m.test(fields) ? '' : 'Architecture: armhf\n';
  const control = new Stanza(`Package: ${name}\n${version}${architecture}${fields}`.trim());
  return { control, conffiles: '', triggers: '', list: ['/.'], preinst: null, hasPostinst: false, ...parts };
}
