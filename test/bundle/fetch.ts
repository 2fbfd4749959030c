import { Fetcher } from '../../src/image/import/fetch.ts';

/** What an address answers to stdout, through the client that a build downloads with. */
const [, , url = ''] = process.argv;
const fetcher = new Fetcher({ candidates: () => [url], signal: AbortSignal.timeout(10_000), retries: 0 });
const deb = { package: 'probe', version: '1', architecture: 'armhf', filename: 'probe.deb', size: 0, sha256: '' };
for await (const chunk of fetcher.fetch(deb)) process.stdout.write(chunk);
await fetcher.close();
