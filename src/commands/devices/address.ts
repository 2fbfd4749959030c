import { hostForm, hostKeyForm } from '../../config/schema.ts';
import { LockstepError } from '../../errors/index.ts';

/** `[USER@]HOST[:PORT]` */
export interface Address {
  host: string;
  port: number | null;
  user: string | null;
}

/** @param verb whose argument it is. Throws E_USAGE. */
export function parseAddress(verb: string, address: string): Address {
  const [, user = null, bracketed, bare, port] =
    /^(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:]+|[0-9a-fA-F:]{3,}))(?::(\d+))?$/.exec(address.replace(/^ssh:\/\//, '')) ?? [];
  const host = bracketed ?? bare ?? '';
  if (hostForm.test(host)) return { host, port: port === undefined ? null : Number(port), user };
  throw new LockstepError('E_USAGE', `${verb}: ${address} is not of the form [USER@]HOST[:PORT]`);
}

/** A device's name, of its host's first label; an address as a whole. */
export function deviceNameOf(host: string): string {
  if (/^[0-9.]+$|:/.test(host)) return host.replaceAll(/[:%]/g, '-').toLowerCase();
  return (host.split('.')[0] ?? host).toLowerCase();
}

/** Throws E_USAGE for what is no fingerprint. */
export function checkHostKey(hostKey: string | undefined): void {
  if (hostKey === undefined || hostKeyForm.test(hostKey)) return;
  throw new LockstepError('E_USAGE', `--host-key ${hostKey} is no fingerprint: SHA256: and 43 characters`);
}
