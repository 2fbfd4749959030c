import type { Plugin } from 'esbuild';

/** Modules that their importers do without when they are missing, or that lockstep never calls. */
const absent = [
  // ssh2 asks for both inside try, and has the same in JavaScript.
  /^cpu-features$/,
  /sshcrypto\.node$/,
];

/** dockerode loads gRPC at start for BuildKit sessions, which lockstep does not open: 1 MB and 60 ms less. */
const unused = [/^@grpc\/grpc-js$/, /^@grpc\/proto-loader$/, /^protobufjs$/];

/** Makes the bundle independent of what lies in a node_modules above it: nothing optional is looked up at run time. */
export function withoutOptionalNatives(): Plugin {
  return {
    name: 'without-optional-natives',
    setup(build) {
      for (const filter of absent) build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'absent' }));
      for (const filter of unused) build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'unused' }));
      build.onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not part of the agent`)});`,
      }));
      build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
    },
  };
}
