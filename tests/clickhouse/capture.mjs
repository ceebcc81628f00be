// Does ClickHouse read in a capture's files what the tool does? Each access and each event, in order.
// node capture.mjs REPLAY CAPTURE...
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { createRequire } from 'node:module';

const [, , tool, ...captures] = process.argv;
const { query } = createRequire(path.join(process.cwd(), 'x'))('chdb');
const ask = (sql) => query(sql, 'JSONCompactStringsEachRow').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const text = (cells) => cells.map((cell) => (cell === null || cell === undefined || cell === 'ᴺᵁᴸᴸ' ? '-' : String(cell))).join(' ');
const number = (hex) => (hex === undefined || hex === null ? '-' : BigInt(hex).toString());

let failed = false;
const compare = (what, here, there) => {
  const other = here.findIndex((row, i) => row !== there[i]);
  const same = here.length > 0 && here.length === there.length && other < 0;
  failed ||= !same;
  console.log(`${what}: ${same ? `${here.length} rows, the same` : `DIFFERS: ${here.length} rows for ${there.length}; ${here[other]} for ${there[other]}`}`);
};

for (const capture of captures) {
  const lines = execFileSync('dotnet', [tool, 'events', capture, '--json'], { encoding: 'utf8', maxBuffer: 1 << 30 }).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const accesses = ask(`SELECT ordinal, vcpu, access, gva_page * 4096 + page_offset, gpa_page * 4096 + page_offset, size, rip FROM file('${capture}/accesses-*.parquet', Parquet) ORDER BY ordinal`);
  compare(`${path.basename(capture)}, accesses`, accesses.map(text), lines.filter((line) => line.kind === 'access')
    .map((line) => text([line.ordinal, line.vcpu, line.access, number(line.gva), number(line.gpa), line.size, number(line.rip)])));
  const events = ask(`SELECT ordinal, kind FROM file('${capture}/events-*.parquet', Parquet) ORDER BY ordinal, kind`);
  compare(`${path.basename(capture)}, events`, events.map(text).sort(), lines.filter((line) => line.kind !== 'access').map((line) => text([line.ordinal, line.kind])).sort());
  const columns = ask(`SELECT * FROM file('${capture}/events-*.parquet', Parquet)`);
  console.log(`${path.basename(capture)}, every column of ${columns.length} events reads`);
}

process.exit(failed ? 1 : 0);
