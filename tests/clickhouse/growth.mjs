// How questions grow with the number of tasks: 1, 10, 100, 1,000 histories of a million writes each, in ClickHouse and in DuckDB.
// node growth.mjs REPLAY FOLDER WORK [TASKS...]: FOLDER has one history; its rows, sixteen times one after the other, are a task's part, and the tasks'
// parts are links to it, so that the disk holds it once and the cache serves it: what is measured is the engines' work, not the disk's.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { views } from './dialect.mjs';

const [, , tool, folder, work, ...wanted] = process.argv;
const parts = path.join(work, 'growth');
const rowsOfATask = 1_000_000;
const questions = {
  'writes by level': 'SELECT level, actor, count(*) AS writes FROM table_write GROUP BY level, actor ORDER BY level, actor',
  'one frame': 'SELECT count(*) AS writes, min(ordinal) AS first, max(ordinal) AS last FROM table_write WHERE gfn = 4096',
  'one task, a stretch': 'SELECT count(*) AS writes FROM table_write WHERE run = 1 AND ordinal BETWEEN 1000000 AND 1100000',
};

/** A process of its own: its CPU seconds and its memory are what GNU time says (Debian: time). */
const timed = (command, ...rest) => {
  const { stdout, stderr, status } = spawnSync('/usr/bin/time', ['-f', '%e %U %S %M', command, ...rest], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(stderr);
  const [wall, user, system, kilobytes] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return { stdout: stdout.trim(), wall, cpu: user + system, memory: kilobytes / 1024 };
};

const statements = views(fs.readFileSync(path.join(folder, 'views.sql'), 'utf8'), parts).filter((sql) => /^CREATE VIEW (_table_write|table_write) /.test(sql));
const script = (sql) => `import { createRequire } from 'node:module';
const { Session } = createRequire(${JSON.stringify(path.join(process.cwd(), 'x'))})('chdb'); const session = new Session();
for (const sql of ${JSON.stringify(['SET cast_keep_nullable = 1', ...statements])}) session.query(sql);
process.stdout.write(session.query(${JSON.stringify(sql)}, 'CSV'));`;
const clickhouse = (sql) => {
  const file = path.join(work, 'ask.mjs');
  fs.writeFileSync(file, script(sql));
  return timed('node', file);
};

fs.rmSync(parts, { recursive: true, force: true });
fs.cpSync(folder, parts, { recursive: true });
for (const run of fs.readdirSync(path.join(parts, 'table_write'))) if (run !== 'run=0') fs.rmSync(path.join(parts, 'table_write', run), { recursive: true });
const part = path.join(work, 'part.parquet');
fs.rmSync(part, { force: true });
clickhouse(`INSERT INTO FUNCTION file('${part}', Parquet) SELECT * EXCEPT (run, k) REPLACE (ordinal + k * 10000000 AS ordinal, seq + k * 10000000 AS seq)
  FROM (SELECT *, arrayJoin(range(16)) AS k FROM file('${folder}/table_write/run=*/*.parquet', Parquet)) ORDER BY k, ordinal, seq LIMIT ${rowsOfATask}
  SETTINGS output_format_parquet_row_group_size = 65536, output_format_parquet_compression_method = 'zstd'`);
const bytes = fs.statSync(part).size;

console.log('| tasks | rows | bytes | question | engine | seconds | CPU seconds | MiB |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
let made = 0;
for (const tasks of wanted.length ? wanted.map(Number) : [1, 10, 100, 1000]) {
  for (; made < tasks; made++) {
    fs.mkdirSync(path.join(parts, 'table_write', `run=${made + 1}`), { recursive: true });
    fs.linkSync(part, path.join(parts, 'table_write', `run=${made + 1}`, 'part-0.parquet'));
  }
  for (const [name, sql] of Object.entries(questions)) {
    const here = clickhouse(sql);
    const there = timed('dotnet', tool, 'query', parts, sql, '--format', 'csv', '--timeout', '0');
    const plain = (text) => text.replaceAll('"', '').split('\n').join(';');
    if (plain(here.stdout) !== plain(there.stdout.split('\n').slice(1).join('\n'))) throw new Error(`${tasks} tasks, ${name}: ${here.stdout} for ${there.stdout}`);
    for (const [engine, { wall, cpu, memory }] of [['ClickHouse', here], ['DuckDB', there]])
      console.log(`| ${tasks.toLocaleString('en')} | ${(tasks * rowsOfATask).toLocaleString('en')} | ${(tasks * bytes).toLocaleString('en')} | ${name} | ${engine} | ${wall.toFixed(1)} | ${cpu.toFixed(1)} | ${memory.toFixed(0)} |`);
  }
}
