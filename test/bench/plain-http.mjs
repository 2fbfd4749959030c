// Sends the files of a directory over HTTP, keeping connections open: node plain-http.mjs DIR PORT
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const [dir = '.', port] = process.argv.slice(2);
const server = createServer((request, response) => {
  const file = path.join(dir, decodeURIComponent(request.url ?? '/'));
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return response.writeHead(404, { 'content-length': 0 }).end();
  response.setHeader('content-length', found.size);
  createReadStream(file).pipe(response);
});
server.keepAliveTimeout = 120_000;
server.listen(Number(port), '127.0.0.1');
