import type { Plugin } from 'esbuild';

interface LeftOut {
  /** What is asked for. */
  filter: RegExp;
  /** Who asks; anybody when not given. */
  importer?: RegExp;
  /** `absent`: asking for it throws, as when it is not installed. `hollow`: it loads, but does nothing. */
  as: 'absent' | 'hollow';
}

/** Modules that their importers do without when they are missing, or that lockstep never calls: 2 MB and 80 ms. */
const leftOut: LeftOut[] = [
  // ssh2 asks for both inside try, and has the same in JavaScript.
  { filter: /^cpu-features$/, as: 'absent' },
  { filter: /sshcrypto\.node$/, as: 'absent' },
  // dockerode loads gRPC at start for BuildKit sessions, which lockstep does not open.
  { filter: /^@grpc\/(grpc-js|proto-loader)$/, as: 'hollow' },
  { filter: /^protobufjs$/, as: 'hollow' },
  // undici's fetch, WebSocket and mocks; lockstep calls `request`.
  { filter: /^\.\/lib\/(mock|web)\//, importer: /\/undici\/index\.js$/, as: 'hollow' },
  // Messages in fifty languages; English is loaded by itself.
  { filter: /\/locales\/index\.js$/, importer: /\/zod\//, as: 'hollow' },
  // xmlbuilder2 reads YAML too.
  { filter: /^js-yaml$/, importer: /\/xmlbuilder2\//, as: 'hollow' },
];

/** Whatever is asked of a hollow module is a class that can be made and called, for what importers do while they load. */
const hollow = `module.exports = new Proxy({}, { get: (_, name) => (name === '__esModule' ? undefined : class {}) });`;

/** Makes the bundle small, and independent of what lies in a node_modules above it: nothing is looked up at run time. */
export function withoutUnused(): Plugin {
  return {
    name: 'without-unused',
    setup(build) {
      for (const { filter, importer = /^/, as } of leftOut) {
        build.onResolve({ filter }, (asked) =>
          importer.test(asked.importer) ? { path: asked.path, namespace: as } : undefined,
        );
      }
      build.onLoad({ filter: /^/, namespace: 'absent' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not part of the agent`)});`,
      }));
      build.onLoad({ filter: /^/, namespace: 'hollow' }, () => ({ contents: hollow }));
    },
  };
}
