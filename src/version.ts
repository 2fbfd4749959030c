import manifest from '../package.json' with { type: 'json' };

/** lockstep's own version, written into the metadata of the commits that it builds. */
export const version: string = manifest.version;
