// The same folder in an S3 stand-in: every view has the rows that it has over the files.
// node s3.mjs FOLDER WORK
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { settings, views } from '../clickhouse/dialect.mjs';

const [, , folder, work] = process.argv;
const require = createRequire(path.join(process.cwd(), 'x'));
const { Session } = require('chdb');
const data = path.join(work, 's3');
const [port, key] = [4571, 'S3RVER'];
const url = `http://127.0.0.1:${port}/replay/histories`;

if (!fs.existsSync(data)) {
  // The server needs this process's loop, and ClickHouse blocks it: the questions are asked by a second one.
  fs.mkdirSync(data);
  const server = new (require('s3rver'))({ port, address: '127.0.0.1', silent: true, directory: data, configureBuckets: [{ name: 'replay' }] });
  await server.run();
  for (const file of fs.readdirSync(folder, { recursive: true })) {
    if (!fs.statSync(path.join(folder, file)).isFile()) continue;
    const answer = await fetch(`${url}/${file}`, { method: 'PUT', body: fs.readFileSync(path.join(folder, file)) });
    if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  }
  const { spawn } = await import('node:child_process');
  const asker = spawn('node', [import.meta.filename, folder, work], { stdio: 'inherit' });
  asker.on('exit', (code) => process.exit(code ?? 1));
} else {
  const answers = [folder, url].map((base) => {
    const session = new Session();
    settings.forEach((setting) => session.query(setting));
    const counts = views(fs.readFileSync(path.join(folder, 'views.sql'), 'utf8'), base, base === url ? key : '').map((statement) => {
      const view = /CREATE VIEW (\w+)/.exec(statement)[1];
      session.query(statement);
      return `${view}: ${session.query(`SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM ${view}`, 'CSV').trim()}`;
    });
    session.close?.();
    return counts;
  });
  const other = answers[0].filter((answer, i) => answer !== answers[1][i]);
  console.error(`S3: ${answers[0].length - other.length} of ${answers[0].length} views have the same rows`);
  other.forEach((answer) => console.error(`  ${answer}`));
  process.exit(other.length ? 1 : 0);
}
