import type { Attributes, MetadataKind } from './objects.ts';

/** Takes objects for a repository. Nothing waits: who sends much asks `drained` now and then. */
export interface ObjectSink {
  /** Begins a regular file whose content will have `size` bytes. One file at a time. */
  file(attributes: Attributes, size: number, path: string): FileSink;
  /** Takes a symbolic link; returns its checksum. */
  symlink(attributes: Attributes, target: string, path: string): string;
  /** Takes a metadata object; returns its checksum. */
  metadata(kind: MetadataKind, bytes: Buffer): string;
}

export interface FileSink {
  write(bytes: Buffer): void;
  /** A hole of so many bytes, which read as zeros. */
  hole(length: number): void;
  /** Returns the checksum. */
  end(): string;
}
