import type { AptOption } from './toolbox-apt.ts';

/**
 * The proxy that apt would use for an address (apt-transport-http(1)): its own options, that of a host before the
 * general one, https falling back to http; then the environment. null: none.
 */
export function proxyFor(url: string, options: readonly AptOption[], environment: NodeJS.ProcessEnv): string | null {
  const { protocol, hostname } = new URL(url);
  const schemes = protocol === 'https:' ? ['https', 'http'] : ['http'];
  const names = schemes.flatMap((scheme) => [`Acquire::${scheme}::Proxy::${hostname}`, `Acquire::${scheme}::Proxy`]);
  for (const name of names) {
    const value = lastValue(options, name);
    if (value !== undefined) return value === 'DIRECT' ? null : value;
  }
  if (excluded(hostname, environment.no_proxy ?? environment.NO_PROXY ?? '')) return null;
  return fromEnvironment(protocol, environment);
}

/** The proxy variables of an environment, for a command that runs in a toolbox. */
export function proxyEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy'];
  const pairs = names.map((name) => [name, environment[name] ?? environment[name.toUpperCase()]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => Boolean(pair[1])));
}

function lastValue(options: readonly AptOption[], name: string): string | undefined {
  return options.findLast((option) => option.name.toLowerCase() === name.toLowerCase())?.value;
}

function excluded(hostname: string, list: string): boolean {
  const entries = list.split(',').map((entry) => entry.trim().replace(/^\*?\./, ''));
  return entries.some(
    (entry) => entry === '*' || hostname === entry || (entry !== '' && hostname.endsWith(`.${entry}`)),
  );
}

function fromEnvironment(protocol: string, environment: NodeJS.ProcessEnv): string | null {
  const { http_proxy, https_proxy } = proxyEnvironment(environment);
  return (protocol === 'https:' ? https_proxy : http_proxy) ?? null;
}
