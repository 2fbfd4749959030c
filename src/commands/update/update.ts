import path from 'node:path';
import type { Command } from 'commander';
import { changesBetween, type PackageChange } from '../../apt/changes/diff.ts';
import { expiredPins } from '../../apt/choose/pin-state.ts';
import { lockDigest, writeLockfile } from '../../apt/lockfile/lockfile.ts';
import { provenanceFile } from '../../apt/provenance/provenance-file.ts';
import { durationPattern, milliseconds } from '../../config/duration.ts';
import type { ImageConfig, PinConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from '../verb.ts';
import { lockfilesBefore } from './before.ts';
import { type Resolved, refuseSuites, resolveAll } from './resolve-images.ts';
import { updateText } from './text.ts';

export interface UpdateOptions {
  check?: boolean;
  withoutSuite?: string[];
  allowExpired?: string[];
  allowSuiteRollback?: string[];
  only?: string[];
  minimumAge?: string;
}

/** An entry of the outcome's `images`. */
export interface UpdatedImage {
  name: string;
  /** Absolute path. */
  lockfile: string;
  /** Absolute path of the record of where its packages come from. */
  provenance: string;
  changes: PackageChange[];
  /** How many packages it now pins. */
  packages: number;
  /** Whether the bytes differ: they may without a change of packages, as when an archive edits a description. */
  changed: boolean;
  /** Whether the record does. */
  recordChanged: boolean;
  /** Whether the record was there, and that of the lockfile, before. */
  recorded: boolean;
  /** Versions that are not taken before `until`, by `minimumAge:`. */
  waiting: WaitingVersion[];
  /** Pins whose day is over. */
  expiredPins: PinConfig[];
}

export interface WaitingVersion {
  package: string;
  version: string;
  /** ISO times: when its archive got it, or when it was first seen there where the mirror does not tell. */
  published?: string;
  seen?: string;
  until: string;
}

const risk = 'whoever replays an old state can bring back holes that were closed since';

export const update: Verb<UpdateOptions> = {
  name: 'update',
  summary: 'resolve the packages of the images anew and write their lockfiles',
  declare: (command: Command) =>
    void command
      .option('--check', 'write nothing; fail when a lockfile is not what the archive now gives, or a pin has expired')
      .option('--only <package...>', 'update these packages and what they need for that, nothing else')
      .option('--minimum-age <duration>', 'how old versions must be, in place of what lockstep.yml says: 0s, 3d')
      .option('--without-suite <suite>', 'leave this suite out, and say so in the lockfile; may be repeated', collect)
      .option('--allow-expired <suite>', `take this suite though it is past its day: ${risk}`, collect)
      .option('--allow-suite-rollback <suite>', `take this suite though it is older than before: ${risk}`, collect),
  run: runUpdate,
  print: (outcome) => updateText(outcome.images as UpdatedImage[], outcome.message),
};

/** All images are resolved before the first lockfile is written: a failure leaves every one as it was. */
async function runUpdate(context: Context, options: UpdateOptions): Promise<Outcome> {
  const now = new Date();
  const flags = {
    without: options.withoutSuite ?? [],
    allowExpired: options.allowExpired ?? [],
    allowRollback: options.allowSuiteRollback ?? [],
  };
  const images = (await context.images()).map((image) => aged(image, options.minimumAge));
  refuseSuites(flags, images);
  const befores = await lockfilesBefore(context, images, options.only ?? []);
  const resolved = await resolveAll(context, befores, { ...flags, now });
  const updated = resolved.map((each) => describe(each, now));
  const changed = updated.filter((image) => image.changed || image.recordChanged);
  if (options.check === true) return checked(updated);
  if (changed.length === 0) {
    return unchanged(nothingChanged(updated), { images: updated });
  }
  for (const { before, resolution, record } of resolved) {
    await writeLockfile(before.image.lockfile, resolution.text);
    if (record !== null) await writeLockfile(provenanceFile(before.image), record);
  }
  return ok(`updated: ${changed.map((image) => image.name).join(', ')}`, { images: updated });
}

/** Expired pins are told first: a lockfile that is up to date is so by what they hold back. */
function checked(images: UpdatedImage[]): Outcome {
  const outdated = images.filter((image) => image.changed).map((image) => image.name);
  const unrecorded = images.filter((image) => !image.changed && !image.recorded);
  const message = outdated.length === 0 ? [] : [`out of date: ${outdated.join(', ')}`];
  // Without it, nobody would notice a suite that goes back in time.
  message.push(...unrecorded.map(({ name, provenance }) => `${name}: ${unrecordedText(provenance)}`));
  const pins = images.flatMap((image) =>
    image.expiredPins.map((pin) => `the pin of ${pin.package} in image ${image.name} expired on ${pin.expires}`),
  );
  if (pins.length > 0) {
    const hint = 'take the pin out of lockstep.yml, or give it another day in `expires:`';
    const text = [...pins, ...message].join('; ');
    return { outcome: 'failed', code: 'E_PIN_EXPIRED', message: text, hint, images };
  }
  if (message.length === 0) {
    return unchanged(nothingChanged(images), { images });
  }
  const hint =
    outdated.length === 0 ? 'run `lockstep update`, and commit the record with the lockfile' : 'run `lockstep update`';
  return { outcome: 'failed', code: 'E_LOCK_OUTDATED', message: message.join('; '), hint, images };
}

function unrecordedText(provenance: string): string {
  return `there is no ${path.basename(provenance)} that belongs to the lockfile`;
}

function nothingChanged(images: readonly UpdatedImage[]): string {
  const waiting = images.reduce((sum, image) => sum + image.waiting.length, 0);
  if (waiting === 0) return 'nothing changed: every lockfile is what the archive now gives';
  return `nothing changed: ${waiting === 1 ? 'a newer version is' : `${waiting} newer versions are`} not old enough yet`;
}

function describe({ before, resolution, record }: Resolved, now: Date): UpdatedImage {
  const { image } = before;
  return {
    name: image.name,
    lockfile: image.lockfile,
    provenance: provenanceFile(image),
    changes: changesBetween(before.packages, resolution.packages),
    packages: resolution.packages.length,
    changed: before.text !== resolution.text,
    recordChanged: record !== null,
    recorded: before.text !== null && before.recorded?.provenance.lockDigest === lockDigest(before.text),
    waiting: resolution.waiting.map(({ package: name, version, published: { date, told }, until }) => ({
      package: name,
      version,
      [told ? 'published' : 'seen']: date.toISOString(),
      until: until.toISOString(),
    })),
    expiredPins: expiredPins(image, now),
  };
}

function aged(image: ImageConfig, minimumAge: string | undefined): ImageConfig {
  if (minimumAge === undefined) return image;
  if (durationPattern.test(minimumAge)) return { ...image, minimumAge: milliseconds(minimumAge) };
  throw new LockstepError('E_USAGE', `--minimum-age ${minimumAge}: expected a duration such as 0s, 12h or 3d`);
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
