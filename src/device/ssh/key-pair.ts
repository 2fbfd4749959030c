import ssh2 from 'ssh2';

/**
 * A new ed25519 pair in OpenSSH's formats. ssh2 1.17 writes about one pair of 300 in a way that it cannot read itself
 * (a leading zero is lost), so each is read back before it is used.
 */
export function newKeyPair(comment = ''): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    const halves = [pair.private, pair.public].map((half) => ssh2.utils.parseKey(half));
    if (!halves.some((half) => half instanceof Error)) return pair;
  }
}
