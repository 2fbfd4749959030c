import { createHash } from 'node:crypto';
import type { LockedPackage } from '../../apt/lockfile/lockfile.ts';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { formatKargs, kargsFile } from '../kargs.ts';
import type { RunScript } from '../run-script.ts';
import { filesLayer, type OverlayLayer } from './overlay.ts';
import { type OverlayEntry, ownedByRoot } from './overlay-entry.ts';

type Settings = Pick<ImageConfig, 'name' | 'locale' | 'timezone' | 'hostname' | 'kargs'>;

/** What an image's settings come to as files, below everything that `overlay:` brings; no layer when there are none. */
export function settingsLayers(toolbox: Toolbox, image: Settings): OverlayLayer[] {
  const { locale, timezone, hostname, kargs } = image;
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  if (locale !== null) {
    files.set('etc/locale.conf', `LANG=${locale}\n`);
    // Where Debian's PAM modules look, up to bookworm as a file of its own.
    links.set('etc/default/locale', '../locale.conf');
  }
  if (timezone !== null) {
    files.set('etc/timezone', `${timezone}\n`);
    links.set('etc/localtime', `../usr/share/zoneinfo/${timezone}`);
  }
  if (hostname !== null) files.set('etc/hostname', `${hostname}\n`);
  if (kargs.length > 0) files.set(kargsFile, formatKargs(kargs));
  if (files.size + links.size === 0) return [];
  const layer = filesLayer(toolbox, {
    entries: [...[...files].map(fileEntry), ...[...links].map(linkEntry)],
    contents: async function* () {
      for (const [name, text] of files) yield { name, body: bytes(text) };
    },
  });
  return [timezone === null ? layer : withZone(toolbox, layer, image.name, timezone)];
}

/**
 * What settings need to have run in the image. C.UTF-8 is part of libc; other locales come with locales-all, or are made
 * from the sources that the package locales has. Throws E_SETTING when the image has neither.
 */
export function settingsScripts(image: Settings, packages: readonly Pick<LockedPackage, 'package'>[]): RunScript[] {
  const { name, locale, timezone } = image;
  const has = (wanted: string) => packages.some((locked) => locked.package === wanted);
  if (timezone !== null && !has('tzdata')) throw lacking(name, `timezone: ${timezone}`, 'tzdata');
  if (locale === null || /^(C|POSIX|C\.(UTF-8|utf8))$/.test(locale) || has('locales-all')) return [];
  if (!has('locales')) throw lacking(name, `locale: ${locale}`, 'locales');
  return [{ label: `locale: ${locale}`, content: Buffer.from(localeScript(locale)) }];
}

/** The table names the character set of each locale that Debian knows (localedef(1), locale-gen(8)). */
function localeScript(locale: string): string {
  return `#!/bin/sh
set -eu
locale=${locale}
charmap=$(awk -v name="$locale" '$1 == name { print $2 }' /usr/share/i18n/SUPPORTED)
if [ -z "$charmap" ]; then echo "/usr/share/i18n/SUPPORTED has no $locale" >&2; exit 1; fi
modifier=$(printf %s "$locale" | sed -n 's/.*@/@/p')
input=$(printf %s "$locale" | sed 's/[.@].*//')
# Warnings alone give exit code 1.
localedef --no-archive -i "$input$modifier" -f "$charmap" "/usr/lib/locale/$locale" || [ $? -eq 1 ]
test -e "/usr/lib/locale/$locale/LC_CTYPE"
`;
}

/** A zone is told from a misspelt one by the file that the image has for it. */
function withZone(toolbox: Toolbox, layer: OverlayLayer, image: string, zone: string): OverlayLayer {
  return {
    ...layer,
    async lay(root) {
      const found = await toolbox.run(['test', '-e', `${root}/usr/share/zoneinfo/${zone}`], { answers: [1] });
      if (found.exitCode !== 0) {
        throw new LockstepError('E_SETTING', `image ${image}: timezone: there is no ${zone} in the image`, {
          hint: 'look for it in /usr/share/zoneinfo; old names are in the package tzdata-legacy since trixie',
        });
      }
      await layer.lay(root);
    },
  };
}

function lacking(image: string, setting: string, name: string): LockstepError {
  return new LockstepError('E_SETTING', `image ${image}: ${setting} needs the package ${name}`, {
    hint: `add ${name} to \`packages:\` and run \`lockstep update\``,
  });
}

function fileEntry([name, text]: [string, string]): OverlayEntry {
  const identity = createHash('sha256').update(text).digest('hex');
  return ownedByRoot({ name, kind: 'file', mode: 0o644, size: Buffer.byteLength(text), identity, label: name });
}

function linkEntry([name, identity]: [string, string]): OverlayEntry {
  return ownedByRoot({ name, kind: 'symlink', mode: 0o777, size: 0, identity, label: name });
}

async function* bytes(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
