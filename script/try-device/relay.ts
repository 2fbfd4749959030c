import net from 'node:net';

// Runs in the device's network namespace: each connection that the parent accepted on the host goes to the device's sshd.
process.on('message', (_message, socket) => {
  if (!(socket instanceof net.Socket)) return;
  const device = net.connect(22, '127.0.0.1');
  socket.on('error', () => device.destroy()).on('close', () => device.destroy());
  device.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.pipe(device).pipe(socket);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
