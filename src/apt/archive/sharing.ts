import type { ImageConfig } from '../../config/types.ts';
import { keyringDigest } from '../root/put-keyrings.ts';
import type { AptSource } from './apt-source.ts';

/** An image, and what its packages may come from. */
interface Sharer {
  image: Pick<ImageConfig, 'arch'>;
  sources: readonly AptSource[];
}

/**
 * Groups of images whose indexes can lie in one directory and be fetched at once: they are for one architecture, and
 * what two of them have in common is to be checked in the same way.
 */
export function sharing<Image extends Sharer>(images: readonly Image[]): Image[][] {
  const groups: Image[][] = [];
  for (const image of images) {
    const group = groups.find((others) => others.every((other) => agree(image, other)));
    if (group === undefined) groups.push([image]);
    else group.push(image);
  }
  return groups;
}

function agree(one: Sharer, other: Sharer): boolean {
  return (
    one.image.arch === other.image.arch &&
    one.sources.every((source) =>
      other.sources.every(
        (theirs) =>
          theirs.base !== source.base ||
          theirs.suite !== source.suite ||
          (keyringDigest(theirs.keyring) === keyringDigest(source.keyring) &&
            theirs.mayNotExpire === source.mayNotExpire),
      ),
    )
  );
}
