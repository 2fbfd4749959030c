/** In the order of their bits (linux/capability.h). */
const names = [
  ...['chown', 'dac_override', 'dac_read_search', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap'],
  ...['linux_immutable', 'net_bind_service', 'net_broadcast', 'net_admin', 'net_raw', 'ipc_lock', 'ipc_owner'],
  ...['sys_module', 'sys_rawio', 'sys_chroot', 'sys_ptrace', 'sys_pacct', 'sys_admin', 'sys_boot', 'sys_nice'],
  ...['sys_resource', 'sys_time', 'sys_tty_config', 'mknod', 'lease', 'audit_write', 'audit_control', 'setfcap'],
  ...['mac_override', 'mac_admin', 'syslog', 'wake_alarm', 'block_suspend', 'audit_read', 'perfmon', 'bpf'],
  'checkpoint_restore',
];

/**
 * A file's capabilities as getcap(8) prints them, `cap_net_raw=ep`: little-endian words, the first with revision and the flag
 * of effective ones, then permitted and inheritable bits by turns (struct vfs_cap_data).
 */
export function formatCapabilities(value: Buffer): string {
  if (value.length < 12 || value.length % 4 !== 0) return `capabilities ${value.toString('hex')}`;
  const effective = (value.readUInt32LE(0) & 1) === 1 ? 'e' : '';
  const word = (index: number) => BigInt(4 * index + 4 <= value.length ? value.readUInt32LE(4 * index) : 0);
  const [permitted, inheritable] = [word(1) | (word(3) << 32n), word(2) | (word(4) << 32n)];
  const groups = new Map<string, string[]>();
  for (let bit = 0; bit < 64; bit += 1) {
    const has = (set: bigint) => ((set >> BigInt(bit)) & 1n) === 1n;
    const flags = `${has(inheritable) ? 'i' : ''}${has(permitted) ? 'p' : ''}`;
    if (flags !== '') groups.set(flags, [...(groups.get(flags) ?? []), `cap_${names[bit] ?? bit}`]);
  }
  return [...groups].map(([flags, capabilities]) => `${capabilities.join(',')}=${effective}${flags}`).join(' ');
}
