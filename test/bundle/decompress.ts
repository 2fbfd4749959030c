import { decompress } from '../../src/deb/decompress.ts';

/** stdin's xz to stdout, through the decoder that a build uses. */
for await (const chunk of decompress('data.tar.xz', process.stdin) ?? []) process.stdout.write(chunk);
