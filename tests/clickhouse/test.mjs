// Every view and every canned query over a folder of histories, in ClickHouse and in DuckDB: the same rows?
// node test.mjs REPLAY FOLDER: REPLAY is the command that runs the tool. Prints a table, as docs/sweep.md has it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { settings, split, translate, views } from './dialect.mjs';

const [, , tool, folder] = process.argv;
const { Session } = createRequire(path.join(process.cwd(), 'x'))('chdb');
const queries = path.join(import.meta.dirname, '../../schemas/db/queries');
const session = new Session();
settings.forEach((setting) => session.query(setting));
const ask = (sql) => session.query(sql, 'JSONCompactStringsEachRow').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const replay = (...question) =>
  run('dotnet', [tool, 'query', folder, ...question, '--format', 'jsonl', '--timeout', '0'], { encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] })
    .split('\n').filter(Boolean).map((line) => Object.values(JSON.parse(line.replace(/":(-?[0-9]{15,})(?=[,}])/g, '":"$1"'))));

function run(...command) {
  try {
    return execFileSync(...command);
  } catch (error) {
    console.error(`tests/clickhouse: the tool does not answer: ${error.stderr || error.message}`);
    process.exit(2);
  }
}

const value = (cell) => {
  if (cell === null || cell === undefined || cell === 'ᴺᵁᴸᴸ') return 'NULL';
  if (cell === true || cell === 'true') return '1';
  if (cell === false || cell === 'false') return '0';
  const number = /^-?[0-9]+\.[0-9]+(e[+-]?[0-9]+)?$/.test(cell) ? Number(cell) : NaN;
  return Number.isNaN(number) ? String(cell) : String(Number(number.toPrecision(12)));
};
const rows = (answer) => answer.map((row) => row.map(value).join(' | '));
const why = (error) => /DB::Exception: (.*?)(?:: In scope|: while|\. \(|$)/s.exec(String(error))?.[1].replace(/\s+/g, ' ').slice(0, 120) ?? String(error).slice(0, 120);

const lines = [];
const waiting = [];
const tell = (name, here, there, milliseconds) => {
  const same = here.length === there.length && here.every((row, i) => row === there[i]);
  const other = here.findIndex((row, i) => row !== there[i]);
  lines.push([name, same ? 'same' : `DIFFERS: ${here.length} rows for ${there.length}; ${here[other]} for ${there[other]}`, there.length, milliseconds]);
};

for (const statement of views(fs.readFileSync(path.join(folder, 'views.sql'), 'utf8'), folder)) {
  const view = /CREATE VIEW (\w+)/.exec(statement)[1];
  try {
    session.query(statement);
    if (view.startsWith('_')) continue;
    const begin = performance.now();
    const here = rows(ask(`SELECT * FROM ${view}`)).sort();
    const time = performance.now() - begin;
    const columns = session.query(`DESCRIBE ${view}`, 'TSV').split('\n').filter(Boolean).map((line) => `"${line.split('\t')[0]}"`);
    waiting.push([view, here, time, `SELECT ${columns.join(', ')} FROM ${view}`]);
  } catch (error) {
    lines.push([view, `refused: ${why(error)}`, '', '']);
  }
}

for (const [view, here, time, sql] of waiting) tell(view, here, rows(replay(sql)).sort(), time);

const one = (sql) => ask(translate(sql))[0]?.[0] ?? '0';
const argument = (query, parameter, run) => ({
  run: () => run,
  a: () => run,
  b: () => one('SELECT max(run) FROM run'),
  table_id: () => one(`SELECT table_id FROM table_write WHERE run = ${run} GROUP BY table_id ORDER BY count(*) DESC, table_id LIMIT 1`),
  idx: () => one(`SELECT idx FROM table_write WHERE run = ${run} GROUP BY table_id, idx ORDER BY count(*) DESC, table_id LIMIT 1`),
  gfn: () => one(`SELECT gfn FROM table_write WHERE run = ${run} AND level = 1 GROUP BY gfn ORDER BY count(*) DESC, gfn LIMIT 1`),
  gva: () => one(`SELECT gva FROM fault WHERE run = ${run} ORDER BY ordinal DESC LIMIT 1`),
  address: () => one(`SELECT address FROM fault WHERE run = ${run} AND outcome = 'fixed' ORDER BY ordinal DESC LIMIT 1`),
  from: () => one(`SELECT gpa FROM access WHERE run = ${run} AND kind = 'write' ORDER BY ordinal LIMIT 1`),
  ordinal: () => one(`SELECT ordinal FROM table_write WHERE run = ${run} ORDER BY ordinal, seq LIMIT 1 OFFSET 30`),
}[parameter]?.());

for (const file of fs.readdirSync(queries).sort()) {
  const name = `@${path.basename(file, '.sql')}`;
  const sql = fs.readFileSync(path.join(queries, file), 'utf8');
  if (/trace_of/.test(sql)) {
    lines.push([name, 'a database only', '', '']);
    continue;
  }
  try {
    const run = one('SELECT run FROM run ORDER BY mode = \'shadow\', mode LIMIT 1');
    const values = {};
    const given = [];
    for (const [, parameter, type, , byDefault] of sql.matchAll(/^-- param (\w+) (\w+)( = (.*?))?: /gm)) {
      const chosen = argument(name, parameter, run);
      values[parameter] = chosen ?? (byDefault === undefined ? 'NULL' : /^(-?[0-9]+|'.*'|NULL)$/.test(byDefault) ? byDefault : one(`SELECT ${byDefault.replace(/:(\w+)/g, (_, known) => values[known])}`));
      if (type === 'text' && !/^'/.test(values[parameter]) && values[parameter] !== 'NULL') values[parameter] = `'${values[parameter]}'`;
      if (chosen !== undefined) given.push('-p', `${parameter}=${chosen}`);
    }
    const begin = performance.now();
    const here = rows(ask(translate(split(sql)[0], values)));
    const time = performance.now() - begin;
    tell(name, here, rows(replay(name, ...given)), time);
  } catch (error) {
    lines.push([name, `refused: ${why(error)}`, '', '']);
  }
}

console.log('| | answer | rows | ms |\n| --- | --- | --- | --- |');
for (const [name, answer, count, time] of lines) console.log(`| \`${name}\` | ${answer} | ${count} | ${time === '' ? '' : Math.round(time)} |`);
const kinds = new Map();
for (const [, answer] of lines) kinds.set(answer.split(':')[0], (kinds.get(answer.split(':')[0]) ?? 0) + 1);
console.error([...kinds].map(([kind, count]) => `${count} ${kind}`).join(', '));
process.exit(kinds.has('DIFFERS') ? 1 : 0);
