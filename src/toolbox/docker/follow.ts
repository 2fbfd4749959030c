import { createInterface } from 'node:readline';

/** One event of the engine's progress streams (import, pull, build), one JSON object a line. */
interface EngineEvent {
  error?: string;
  stream?: string;
  status?: string;
}

/** Reads a progress stream of the engine to its end. Throws what the engine reports as an error in it. */
export async function followEngine(
  events: NodeJS.ReadableStream,
  onText: (text: string) => void = () => {},
): Promise<void> {
  for await (const line of createInterface({ input: events, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue;
    const { error, stream, status } = JSON.parse(line) as EngineEvent;
    if (error !== undefined) throw new Error(error);
    const text = (stream ?? status ?? '').trim();
    if (text !== '') onText(text);
  }
}
