import { formatChecks } from '../toolbox/check.ts';
import { diagnose } from '../toolbox/doctor.ts';
import { checkEmulation } from './emulation-check.ts';
import { type Context, type Outcome, ok, type Verb } from './verb.ts';

/** `lockstep doctor`: what of lockstep's needs this machine has, and how to mend the rest. Works without lockstep.yml. */
export const doctor: Verb = {
  name: 'doctor',
  summary: 'check that this machine has what lockstep needs',
  async run({ dir, signal }: Context): Promise<Outcome> {
    const { checks, docker, host, builder } = await diagnose(dir, signal);
    // Making the builder image takes a minute: without it, its emulation is left to the first build.
    if (docker && builder) checks.push(await checkEmulation('docker', signal));
    if (host) checks.push(await checkEmulation('host', signal));
    const usable = [...(docker ? ['docker'] : []), ...(host ? ['host'] : [])];
    if (usable.length > 0) return ok(`toolboxes that work here: ${usable.join(', ')}`, { checks });
    return {
      outcome: 'failed',
      code: 'E_TOOLBOX_NONE',
      message: 'no toolbox works here: there is neither a Docker engine that answers nor root with the needed tools',
      hint: 'mend what the docker toolbox needs, or what the host toolbox needs',
      checks,
    };
  },
  print({ checks, message }) {
    return `${formatChecks(checks as Parameters<typeof formatChecks>[0])}\n\n${message}`;
  },
};
