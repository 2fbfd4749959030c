import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from 'dockerode';
import { LockstepError } from '../../errors/index.ts';
import { engineError, statusOf } from './engine.ts';

/** How long a container may take to disappear. */
const goneWithinMs = 20_000;

/** Ends and removes a container, and returns when it is gone; nothing to do when it is not there. */
export async function removeContainer(container: Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    // 404: it is gone; 409: it is just going.
    if (statusOf(error) !== 404 && statusOf(error) !== 409) throw engineError('removing a container', error);
  }
  await containerGone(container);
}

/** Returns when there is no such container any more. */
export async function containerGone(container: Container, withinMs = goneWithinMs): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (await containerExists(container)) {
    if (Date.now() > deadline) {
      throw new LockstepError('E_TOOLBOX_ENGINE', `container ${container.id} did not go within ${withinMs / 1000} s`);
    }
    await sleep(25);
  }
}

export async function containerExists(container: Container): Promise<boolean> {
  try {
    await container.inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw engineError('looking for a container', error);
  }
}
