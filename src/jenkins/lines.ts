export interface LineSplitter {
  push(text: string): void;
  /** Hands out what came after the last newline. */
  end(): void;
}

/** Cuts text that comes in pieces into lines. */
export function lineSplitter(onLine: (line: string) => void): LineSplitter {
  let rest = '';
  return {
    push(text) {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
