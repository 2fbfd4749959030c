import ssh2, {
  type IdentityCallback,
  type KnownPublicKeys,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';

/** An ssh agent of which only some keys are offered: one that holds many would use up the attempts that sshd allows. */
export class ChosenKeysAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: InstanceType<typeof ssh2.OpenSSHAgent>;
  readonly #chosen: readonly Buffer[];

  constructor(socket: string, chosen: readonly Buffer[]) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socket);
    this.#chosen = chosen;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) return callback(error);
      const wanted = (keys ?? []).filter((key) => {
        return this.#chosen.some((blob) => blob.equals((key as unknown as ParsedKey).getPublicSSH()));
      });
      callback(undefined, wanted as KnownPublicKeys<ParsedKey>);
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    this.#agent.sign(key, data, options as SigningRequestOptions, callback);
  }
}
